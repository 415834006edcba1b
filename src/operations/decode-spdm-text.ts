/** A conversation as people read it: one line per message, the digests where they matter, the verdicts at the end. */
import {describe, hex, toHex} from '../bits/index.js'
import {harmless} from '../errors.js'
import {linkTypeText} from '../pcap/index.js'
import type {SpdmEvent, TranscriptPoint} from '../spdm/index.js'
import {type Conversation, type Observed, tally, type Unread} from './spdm-conversation.js'
import {insideDescription} from './spdm-inside.js'
import {salientText} from './spdm-salient.js'

const ARROW = {request: '->', response: '<-'} as const
const INDENT = ' '.repeat(12)
const NAME_WIDTH = 24
const WORD = {valid: 'valid ', invalid: 'INVALID: ', unchecked: 'not checked: '} as const

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, INDENT)

function pointText({name, use, digest, proof}: TranscriptPoint): string {
  const value = digest === undefined ? 'unknown' : toHex(digest)
  const verdict = proof === undefined ? '' : `: ${WORD[proof.status]}${harmless(proof.why, 300)}`
  return `${INDENT}${name} ${value}\n${INDENT}  ${use}${verdict}\n`
}

function lead({record, event: {direction, session, form}}: Observed): string {
  const mark = form === 'encapsulated' ? '  ' : form === 'reassembled' ? '= ' : ''
  const scope = session === undefined ? '        ' : hex(session, 8).slice(2)
  return `${String(record).padStart(5)}  ${ARROW[direction]}  ${scope}  ${mark}`
}

const TITLES: Readonly<Partial<Record<Observed['event']['form'], string>>> = {
  record: 'secured record',
  application: 'other message',
}

function eventText(observed: Observed, full: boolean): string {
  const {event, inside} = observed
  const {name, value, undecoded, bytes, layout} = event
  const title = name ?? TITLES[event.form] ?? 'unknown message'
  const salient = name === undefined || value === undefined ? `${bytes.length} bytes` : salientText(name, value, inside)
  const lines = [`${lead(observed)}${title.padEnd(NAME_WIDTH)}  ${harmless(salient, 300)}`.trimEnd(), '\n']
  if (undecoded !== undefined) lines.push(`${INDENT}not decoded: ${harmless(undecoded, 400)}\n`)
  if (full && undecoded !== undefined) lines.push(`${INDENT}bytes ${toHex(bytes)}\n`)
  if (full && layout !== undefined && value !== undefined)
    lines.push(indented(describe(layout, value)), ...inside.map(one => indented(insideDescription(one))))
  lines.push(...event.findings.map(({message}) => `${INDENT}finding: ${harmless(message, 300)}\n`))
  lines.push(...event.points.map(pointText))
  return lines.join('')
}

const unreadText = ({record, text, damaged}: Unread): string =>
  `${String(record).padStart(5)}  --            ${damaged ? 'not read: ' : ''}${harmless(text, 300)}\n`

const counted = (what: string, {valid, invalid, unchecked}: ReturnType<typeof tally>['hmacs']): string =>
  `${what}: ${valid} valid, ${invalid} invalid, ${unchecked} unchecked`

function summaryText(events: readonly SpdmEvent[]): string {
  const {messages, undecoded, encrypted, signatures, hmacs} = tally(events)
  return [
    `${messages} messages, ${undecoded} not decoded, ${encrypted} encrypted records`,
    counted('signatures', signatures),
    ...(signatures.valid === 0
      ? []
      : ['valid: under keys that the capture itself shows; whose they are is not judged']),
    counted('HMACs', hmacs),
  ]
    .map(line => `${line}\n`)
    .join('')
}

/** `full`: every field of every message. */
export function conversationText({capture, lines}: Conversation, full: boolean): string {
  const links = [...new Set(capture.records.map(({linkType}) => linkTypeText(linkType)))].join(', ')
  const events = lines.flatMap(line => ('event' in line ? [line.event] : []))
  return [
    `${capture.format}, ${capture.records.length} records${links === '' ? '' : `, link type ${links}`}\n\n`,
    ...lines.map(line => ('event' in line ? eventText(line, full) : unreadText(line))),
    ...capture.findings.map(
      ({record, offset, message}) => `finding at byte ${offset}, record ${record}: ${harmless(message, 200)}\n`,
    ),
    `\n${summaryText(events)}`,
  ].join('')
}
