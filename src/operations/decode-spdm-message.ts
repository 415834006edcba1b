/** `decode spdm` of one message. Nothing here is trusted or appraised. */
import {type Context, describe, type Finding, findings, hex, type Json} from '../bits/index.js'
import {harmless, quoted, TsmctlError} from '../errors.js'
import {CMA_SPDM, decodeDoeObject, type DoeObject, SECURED_CMA_SPDM} from '../pci/index.js'
import {
  guesses,
  headerOf,
  type MessageContext,
  needsContext,
  readMessage,
  sessionIdOf,
  SPDM_VERSION_NAMES,
} from '../spdm/index.js'
import {insideDescription, insideJson, insideOf} from './spdm-inside.js'
import {findingLines, type View} from './view.js'

export const SPDM = {
  kind: 'spdm',
  name: 'any SPDM message, or a capture file as a conversation',
  spec: 'DSP0274 1.4',
} as const

/** Names of `--context`, each a number; what is left out is guessed, and the guess is stated. */
export const SPDM_CONTEXT = {
  version: 0,
  hashSize: 0,
  signatureSize: 0,
  requesterSignatureSize: 0,
  exchangeSize: 0,
  responseExchangeSize: 0,
  summary: 0,
  clearHandshake: 0,
  multiKey: 0,
} as const satisfies MessageContext

export interface SpdmDecoded {
  readonly data: Readonly<Record<string, unknown>>
  readonly text: string
}

const jsonOf = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json

/** Throws TsmctlError `unsupported`: one record alone cannot be opened. */
function refuseRecord(payload: Uint8Array): never {
  const session = sessionIdOf(payload)
  throw new TsmctlError({
    kind: 'unsupported',
    attempted: 'decode spdm',
    got: `a secured message of ${payload.length} bytes${session === undefined ? '' : `, session ${hex(session, 8)}`}`,
    hint: 'A capture of the whole session can be read, with --dhe-secret or --psk; decode spdm-secured-message shows the frame.',
  })
}

/** The DOE object that `bytes` are, unless they are a message or anything else. */
function objectOf(bytes: Uint8Array): DoeObject | undefined {
  if (SPDM_VERSION_NAMES[bytes[0] ?? 0] !== undefined) return undefined
  try {
    return decodeDoeObject(bytes)
  } catch (error) {
    if (error instanceof TsmctlError) return undefined
    throw error
  }
}

/** The message in `bytes`, which may still stand in its DOE object. */
function unwrapped(bytes: Uint8Array): {
  readonly bytes: Uint8Array
  readonly maxPadding: number
  readonly notes: string[]
} {
  const object = objectOf(bytes)
  if (object?.vendor === SECURED_CMA_SPDM.vendor && object.type === SECURED_CMA_SPDM.type) refuseRecord(object.payload)
  return object?.vendor === CMA_SPDM.vendor && object.type === CMA_SPDM.type
    ? {bytes: object.payload, maxPadding: 3, notes: ['taken out of the DOE object that these bytes are']}
    : {bytes, maxPadding: 0, notes: []}
}

function decodeOne(input: Uint8Array, given: MessageContext): SpdmDecoded {
  const {bytes, maxPadding, notes} = unwrapped(input)
  const name = headerOf(bytes)?.name
  const contexts = name === undefined ? [given] : guesses(name, given)
  const {message, context} = readMessage(bytes, maxPadding, contexts)
  const isGuess = name !== undefined && needsContext(name) && contexts.length > 1
  const guessed = Object.entries(context).filter(([key]) => given[key as keyof MessageContext] === undefined)
  if (isGuess) {
    const sizes = guessed.map(([key, value]) => `${key}=${value as number}`).join(' ')
    notes.push(`sizes were guessed, and these are the first that fit: ${sizes}; --context gives them`)
  }
  const inside = insideOf(message.name, message.value)
  const found: readonly Finding[] = findings(message.layout, message.value)
  const data = {
    ...SPDM,
    form: 'message',
    message: message.name,
    size: message.bytes.length,
    padding: bytes.length - message.bytes.length,
    context,
    guessed: isGuess ? guessed.map(([key]) => key) : [],
    notes,
    fields: jsonOf(message.value),
    inside: inside.map(insideJson),
    findings: found,
  }
  const text = [
    describe(message.layout, message.value),
    ...inside.map(insideDescription),
    ...notes.map(line => `note: ${harmless(line)}\n`),
    findingLines(found),
  ]
  return {data, text: text.join('')}
}

/** Decodes one message; sizes that `context` leaves out are guessed. Throws DecodeError, or `usage` for a context. */
export function decodeSpdmBytes(bytes: Uint8Array, context: Context = {}): SpdmDecoded {
  checkContext(context)
  return decodeOne(bytes, context)
}

/** Throws TsmctlError `usage` for a name that is none of `SPDM_CONTEXT`. */
export function checkContext(context: Context): void {
  for (const name of Object.keys(context))
    if (!Object.hasOwn(SPDM_CONTEXT, name))
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'decode spdm',
        got: `it takes no context ${quoted(name)}`,
        hint: `It takes ${Object.keys(SPDM_CONTEXT).join(', ')}.`,
      })
}

/** The same for callers who give every context: here 0 stands for "not known". */
export function viewSpdmMessage(bytes: Uint8Array, context: Context): View {
  const known = Object.entries(context).filter(([, value]) => value !== 0)
  const {data, text} = decodeSpdmBytes(bytes, Object.fromEntries(known))
  return {fields: data.fields as Json, found: [], text}
}
