/** An attestation for people: the verdict last, since everything above it is what it rests on. */
import {printable} from '../errors.js'
import type {Attestation, MeasurementView, NegotiatedView, SessionView, SlotView} from './spdm-attestation.js'
import type {CertificateView, ChainView} from './spdm-chain.js'
import type {Question} from './spdm-questions.js'
import {aligned, table} from './text-table.js'

/** Characters of a value that are shown: the rest is in the JSON. */
const SHOWN = 48

const indented = (text: string): string[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => `  ${line}`)

function row(name: string, ...values: readonly (string | null)[]): string[] {
  const known = values.filter(value => value !== null)
  return known.length === 0 ? [] : [`${name.padEnd(14)}${known.join('  ')}`]
}

function negotiatedLines(view: NegotiatedView): string[] {
  const {dataTransferSize, maxMessageSize} = view
  return [
    ...row('SPDM', view.version),
    ...row('signatures', view.asym, view.hash),
    ...row('measurements', view.measurementHash),
    ...row('sessions', view.exchange, view.aead),
    ...row(
      'sizes',
      dataTransferSize === null ? null : `${dataTransferSize} of at most ${maxMessageSize} bytes at once`,
    ),
    ...row('capabilities', ...view.capabilities.map(name => name.replace(/_CAP$|_CAP(?= )/, ''))),
  ]
}

const certificateRow = ({subject, key, signature, notBefore, notAfter}: CertificateView, i: number): string[] => [
  `${i}`,
  subject,
  key,
  signature,
  `${notBefore} to ${notAfter}`,
]

function chainLines({certificates, model, deviceInfo, problems, weaknesses, anchor}: ChainView): string[] {
  return [
    ...indented(table(['', 'SUBJECT', 'KEY', 'SIGNED WITH', 'VALID'], certificates.map(certificateRow))),
    ...(deviceInfo === null ? [] : [`  device ${deviceInfo}`]),
    ...(model === 'alias' ? ['  the device makes the last certificates itself'] : []),
    ...problems.map(problem => `  wrong: ${problem}`),
    ...weaknesses.map(weakness => `  weak: ${weakness}`),
    anchor === null ? '  leads to no root that you trust' : `  anchored at ${printable(anchor, 200)}`,
  ]
}

const slotLines = ({slot, chain}: SlotView): string[] =>
  chain === null
    ? [`Slot ${slot}: not read`]
    : [`Slot ${slot}: ${chain.length} bytes, ${chain.certificates.length} certificates`, ...chainLines(chain)]

const measurementRow = ({index, type, representation, value, status}: MeasurementView): string[] => [
  `${index}`,
  type,
  representation,
  value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value,
  ...(status === null ? [] : [status]),
]

const measurementLines = (rows: readonly MeasurementView[]): string[] => [
  `Measurements: ${rows.length}`,
  ...indented(table(['INDEX', 'TYPE', 'AS', 'VALUE'], rows.map(measurementRow))),
]

const sessionLines = ({id, exchange, aead, heartbeatPeriod, steps}: SessionView): string[] => [
  `Session ${id}: ${exchange}, ${aead}${heartbeatPeriod === 0 ? '' : `, heartbeat every ${heartbeatPeriod} s`}`,
  ...steps.map(step => `  ${step}`),
]

const questionRows = ({answer, question, why}: Question): string[][] => [
  [answer, question],
  ['', why],
]

const VERDICT = {
  verified: 'verified: everything that was asked',
  'not verified': 'NOT VERIFIED: not everything that was asked could be verified',
  failed: 'FAILED: do not rely on this device',
} as const

/** Lines about `attestation`, ending with the verdict. */
export function attestationText(attestation: Attestation): string {
  const {peer, negotiated, slots, measurements, session, questions, verdict} = attestation
  const blocks = [
    [peer, ...(negotiated === null ? [] : indented(negotiatedLines(negotiated).join('\n')))],
    ...slots.map(slotLines),
    ...(measurements === null ? [] : [measurementLines(measurements)]),
    ...(session === null ? [] : [sessionLines(session)]),
    [
      ...indented(aligned(questions.filter(({answer}) => answer !== 'not asked').flatMap(questionRows))),
      VERDICT[verdict],
    ],
  ]
  return blocks.map(lines => `${lines.join('\n')}\n`).join('\n')
}
