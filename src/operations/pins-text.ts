/** What the machine knows about devices it accepted, for people. */
import type {Pin} from '../appraisal/index.js'
import {printable} from '../errors.js'
import {shortDigest} from '../evidence/index.js'
import {table} from './text-table.js'

const HEAD = ['PIN', 'NAME', 'BDF', 'MODE', 'ACCEPTED', 'BY', 'SVN']

export function pinsText(pins: readonly Pin[]): string {
  if (pins.length === 0) return 'no pins: no device was enrolled or accepted on this machine\n'
  return table(
    HEAD,
    pins.map(pin => [
      shortDigest(pin.pinId),
      printable(pin.san ?? '-'),
      pin.bdf,
      pin.mode === 'manual' ? 'enrolled' : 'seen',
      pin.lastAccepted.at,
      printable(pin.lastAccepted.by),
      pin.maxSvn ?? '-',
    ]),
  )
}

const blockText = ({index, type, value}: Pin['measurements'][number]): string =>
  `  ${index}  ${printable(type)}  ${printable(value, 24)}`

export function pinText(pin: Pin): string {
  const {spdm, floor} = pin
  const lines = [
    `pin          ${pin.pinId}`,
    `name         ${printable(pin.san ?? '-')}`,
    `mode         ${pin.mode === 'manual' ? 'enrolled by a person' : 'remembered when it was accepted'}`,
    `device       ${pin.bdf}, certificate ${shortDigest(pin.certificate)}, leaf ${shortDigest(pin.leaf)}, slot ${pin.slot}`,
    `anchor       ${printable(pin.anchor, 80)}`,
    `SPDM         ${printable(`${spdm.version}, ${spdm.hash}, ${spdm.asym}`)}`,
    `lock         ${pin.lockFlags.map(flag => printable(flag)).join(', ') || '-'}`,
    `debug        ${pin.debug}`,
    `not below    ${floor.measurements.map(({index, svn}) => `block ${index}: ${svn}`).join(', ') || '-'}`,
    `first seen   ${pin.firstSeen}`,
    'measurements',
    ...pin.measurements.map(blockText),
    'history',
    ...pin.history.map(({event, at, by, D}) => `  ${at}  ${event}  by ${printable(by)}  evidence ${shortDigest(D)}`),
  ]
  return `${lines.join('\n')}\n`
}
