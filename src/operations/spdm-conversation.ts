/** A capture as a conversation: its messages in order, and the records that hold none. */
import type {Capture} from '../pcap/index.js'
import {type MessageContext, Observer, type Secrets, type SpdmEvent} from '../spdm/index.js'
import {unframer} from './spdm-capture.js'
import {type Inside, insideOf} from './spdm-inside.js'

/** A message of a conversation, with where the capture has it. */
export interface Observed {
  /** Record of the capture that completes it. */
  readonly record: number
  readonly time: bigint | undefined
  readonly event: SpdmEvent
  readonly inside: readonly Inside[]
}

/** A record that holds no message. */
export interface Unread {
  readonly record: number
  readonly text: string
  readonly damaged: boolean
}

export interface Conversation {
  readonly capture: Capture
  readonly lines: readonly (Observed | Unread)[]
}

export const isObserved = (line: Observed | Unread): line is Observed => 'event' in line

/** There is nothing to decode in them: closed, or of another protocol. */
const NOT_SPDM: readonly SpdmEvent['form'][] = ['record', 'application']

/** Signatures and HMACs by verdict. */
export function tally(events: readonly SpdmEvent[]) {
  const proofs = events.flatMap(({points}) => points.flatMap(({proof}) => proof ?? []))
  const of = (kind: string) => {
    const count = (status: string): number => proofs.filter(one => one.kind === kind && one.status === status).length
    return {valid: count('valid'), invalid: count('invalid'), unchecked: count('unchecked')}
  }
  return {
    messages: events.filter(({value}) => value !== undefined).length,
    undecoded: events.filter(({form, undecoded}) => !NOT_SPDM.includes(form) && undecoded !== undefined).length,
    encrypted: events.filter(({form}) => form === 'record').length,
    sessions: new Set(events.flatMap(({session}) => session ?? [])).size,
    signatures: of('signature'),
    hmacs: of('HMAC'),
  }
}

/** Observes a whole capture. `context`: sizes for a connection whose negotiation it does not hold. */
export async function observe(capture: Capture, secrets: Secrets, context: MessageContext): Promise<Conversation> {
  const {version: _, ...sizes} = context
  const observer = new Observer({secrets, context: sizes})
  const frame = unframer()
  const lines: (Observed | Unread)[] = []
  for (const record of capture.records) {
    const framed = frame(record)
    if (framed.kind === 'part') continue
    if (framed.kind !== 'datagram') {
      const isDamaged = framed.kind === 'damaged'
      lines.push({record: record.index, text: isDamaged ? framed.why : framed.text, damaged: isDamaged})
      continue
    }
    for (const event of observer.observe(framed.datagram)) {
      if (event.name === 'ALGORITHMS') await observer.prepare()
      const inside = event.name === undefined || event.value === undefined ? [] : insideOf(event.name, event.value)
      lines.push({record: record.index, time: record.time, event, inside})
    }
  }
  return {capture, lines}
}
