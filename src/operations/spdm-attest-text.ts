/** An attestation for people: the verdict last, since everything above it is what it rests on. */
import {printable} from '../errors.js'
import type {Attestation, MeasurementView, NegotiatedView, SessionView, SlotView} from './spdm-attestation.js'
import type {CertificateView, ChainView} from './spdm-chain.js'
import type {Question} from './spdm-questions.js'
import {aligned, table} from './text-table.js'

/** Characters of a value that are shown, where it says nothing by itself: the rest is in the JSON. */
const SHOWN = 32

const indented = (text: string): string[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => `  ${line}`)

/** Column where values begin. */
const NAME = 14

function row(name: string, ...values: readonly (string | null)[]): string[] {
  const known = values.filter(value => value !== null)
  return known.length === 0 ? [] : [`${name.padEnd(NAME)}${known.join('  ')}`]
}

/** Columns of a terminal that is as narrow as they come, without the indentation. */
const WIDTH = 78

/** A row that goes on below its first value when there are many. */
function wrapped(name: string, values: readonly string[]): string[] {
  const lines: string[] = []
  for (const value of values) {
    const last = lines.at(-1)
    if (last === undefined || NAME + last.length + 2 + value.length > WIDTH) lines.push(value)
    else lines[lines.length - 1] = `${last}  ${value}`
  }
  return lines.map((line, i) => `${(i === 0 ? name : '').padEnd(NAME)}${line}`)
}

/** `MEAS=signed` of `MEAS_CAP=signed`. */
const shortCapability = (name: string): string => name.replace(/_CAP$|_CAP(?==)/, '')

function negotiatedLines(view: NegotiatedView): string[] {
  const {dataTransferSize, maxMessageSize} = view
  return [
    ...row('SPDM', view.version),
    ...row('signatures', view.asym, view.hash),
    ...row('measurements', view.measurementHash),
    ...row('sessions', view.exchange, view.aead),
    ...row('messages', dataTransferSize === null ? null : `up to ${maxMessageSize} bytes, ${dataTransferSize} at once`),
    ...wrapped('capabilities', view.capabilities.map(shortCapability)),
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

const measurementRow = ({index, type, representation, value, meaning, status}: MeasurementView): string[] => [
  `${index}`,
  type,
  representation,
  meaning ?? (value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value),
  ...(status === null ? [] : [status]),
]

const measurementLines = (rows: readonly MeasurementView[]): string[] => {
  const isCompared = rows.some(({status}) => status !== null)
  const columns = ['INDEX', 'TYPE', 'AS', 'VALUE', ...(isCompared ? ['POLICY'] : [])]
  return [`Measurements: ${rows.length}`, ...indented(table(columns, rows.map(measurementRow)))]
}

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
