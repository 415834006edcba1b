/** `decode spdm` of a capture file: the conversation in it, as JSON and as text. */
import {type Context, hex, toHex} from '../bits/index.js'
import {harmless} from '../errors.js'
import {linkTypeText, readCapture} from '../pcap/index.js'
import type {Secrets} from '../spdm/index.js'
import {checkContext, SPDM, type SpdmDecoded} from './decode-spdm-message.js'
import {conversationText} from './decode-spdm-text.js'
import {type Conversation, isObserved, observe, type Observed, tally} from './spdm-conversation.js'
import {insideJson, structureJson} from './spdm-inside.js'

/** Nanoseconds since 1970 as seconds with nine decimals, which no number can hold. */
const timeText = (time: bigint): string =>
  `${time / 1_000_000_000n}.${(time % 1_000_000_000n).toString().padStart(9, '0')}`

function eventJson({record, time, event, inside}: Observed) {
  const {form, direction, session, secured, name, bytes, padding, value, undecoded} = event
  return {
    record,
    time: time === undefined ? null : timeText(time),
    direction,
    form,
    session: session === undefined ? null : hex(session, 8),
    secured,
    name: name ?? null,
    size: bytes.length,
    padding,
    hex: toHex(bytes),
    fields: structureJson(value),
    inside: inside.map(insideJson),
    undecoded: undecoded === undefined ? null : harmless(undecoded),
    findings: event.findings.map(({path, offset, message}) => ({path, offset, message: harmless(message, 200)})),
    transcripts: event.points.map(({name: transcript, use, digest, proof}) => ({
      name: transcript,
      use,
      digest: digest === undefined ? null : toHex(digest),
      proof: proof === undefined ? null : {kind: proof.kind, status: proof.status, why: harmless(proof.why)},
    })),
  }
}

export interface SpdmOptions {
  readonly secrets?: Secrets
  readonly context?: Context
  /** Every field of every message of a conversation. */
  readonly full?: boolean
}

/**
 * Decodes a capture file as a conversation. Undefined when `content` is none. Throws TsmctlError: `malformed` naming
 * record and byte of a file that contradicts itself, `unsupported` for a link type or a file that is too large,
 * `usage` for a context.
 */
export async function decodeSpdmCapture(
  content: Uint8Array,
  options: SpdmOptions = {},
): Promise<SpdmDecoded | undefined> {
  const {secrets = {}, context = {}, full = false} = options
  checkContext(context)
  const capture = readCapture(content)
  if (capture === undefined) return undefined
  const conversation = await observe(capture, secrets, context)
  // only what is printed is made
  return {
    get data() {
      return dataOf(conversation)
    },
    get text() {
      return conversationText(conversation, full)
    },
  }
}

function dataOf({capture, lines}: Conversation) {
  const observed = lines.filter(isObserved)
  return {
    ...SPDM,
    form: 'conversation',
    capture: {
      format: capture.format,
      records: capture.records.length,
      linkTypes: [...new Set(capture.records.map(({linkType}) => linkTypeText(linkType)))],
      findings: capture.findings,
    },
    summary: tally(observed.map(({event}) => event)),
    messages: observed.map(eventJson),
    others: lines.flatMap(line =>
      isObserved(line) ? [] : [{record: line.record, text: harmless(line.text), damaged: line.damaged}],
    ),
  }
}
