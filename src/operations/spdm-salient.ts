/** The few fields of a message that a reader of a conversation looks for. All of it is our own text and numbers. */
import {hex, nameOf, type Seen, toHex} from '../bits/index.js'
import {
  AEAD,
  ALG_TYPE,
  BASE_ASYM,
  BASE_HASH,
  bitsOf,
  CAPABILITY_FLAGS,
  DHE_GROUP,
  KEM,
  KEY_OPERATION,
  type NamedBit,
  namesOf,
  PQC_ASYM,
  SPDM_CODE_NAMES,
  SPDM_ERROR_NAMES,
  type SpdmMessageName,
  STANDARD_ID_NAMES,
  versionText,
} from '../spdm/index.js'
import type {Inside} from './spdm-inside.js'

type Say = (value: Seen) => string

const slot = (id: number): string => (id === 0xff || id === 0xf ? 'provisioned key' : `slot ${id}`)
const bits = (mask: number): string => bitsOf(mask).join(',') || 'none'
const length = (bytes: unknown): number => (bytes as Uint8Array).length
const summary = ({measurementSummaryHashType: type}: Seen): string =>
  type === 0 ? '' : `, summary of ${type === 1 ? 'the TCB' : 'all'}`
const update: Say = ({keyOperation, tag}) =>
  `${Object.entries(KEY_OPERATION).find(([, value]) => value === keyOperation)?.[0] ?? hex(keyOperation as number, 2)}, tag ${hex(tag as number, 2)}`
const chunk: Say = ({handle, chunkSeqNo, lastChunk, chunkSize}) =>
  `handle ${handle as number}, chunk ${chunkSeqNo as number}${lastChunk === true ? ' (last)' : ''}, ${chunkSize as number} bytes`
const vendor: Say = ({standardId, vendorId, payload}) =>
  `${nameOf(STANDARD_ID_NAMES, standardId as number)} ${toHex(vendorId as Uint8Array) || '-'}, ${length(payload)} bytes`
/** `CERT_CAP` of a flag that is set, `MEAS_CAP=signed` of one with several values. */
function flagText(flags: Seen): string {
  const set = Object.entries(CAPABILITY_FLAGS.fields).flatMap(([key, field]) => {
    const value: unknown = flags[key]
    const name = field.doc.split(/[ :]/, 1)[0]!.replace(/_CAP$/, '')
    if (value === true) return name
    return typeof value === 'number' && value > 0 ? `${name}=${nameOf(field.names ?? {}, value)}` : []
  })
  return set.join(' ') || 'none'
}
const capabilities: Say = ({flags}) => (flags === undefined ? '' : flagText(flags as Seen))

/** The algorithms of one side's structures and bit fields, in the order of the message. */
function algorithmText(fields: readonly (readonly [readonly NamedBit[], number])[], {algStructures}: Seen): string {
  const structures = (algStructures as readonly Seen[]).map(
    ({algType, algSupported}) => [STRUCTURE_TABLES[algType as number] ?? [], algSupported as number] as const,
  )
  return [...fields, ...structures]
    .map(([table, selected]) => namesOf(table, selected).join('|'))
    .filter(names => names !== '')
    .join(', ')
}
const STRUCTURE_TABLES: Readonly<Record<number, readonly NamedBit[]>> = {
  [ALG_TYPE.DHE]: DHE_GROUP,
  [ALG_TYPE.AEAD]: AEAD,
  [ALG_TYPE.KEMAlg]: KEM,
}
/** Structures that say little: what the requester would sign with, and the only key schedule there is. */
const spoken = (value: Seen): Seen => ({
  algStructures: (value.algStructures as readonly Seen[]).filter(
    ({algType}) => STRUCTURE_TABLES[algType as number] !== undefined,
  ),
})
const HALF_ID = (id: unknown): string => hex(id as number, 4)

const SALIENT: Partial<Record<SpdmMessageName, Say>> = {
  VERSION: ({versionNumberEntries}) =>
    (versionNumberEntries as readonly Seen[])
      .map(entry => `${entry.majorVersion as number}.${entry.minorVersion as number}`)
      .join(' '),
  GET_CAPABILITIES: capabilities,
  CAPABILITIES: capabilities,
  NEGOTIATE_ALGORITHMS: value =>
    algorithmText(
      [
        [BASE_HASH, value.baseHashAlgo as number],
        [BASE_ASYM, value.baseAsymAlgo as number],
        [PQC_ASYM, value.pqcAsymAlgo as number],
      ],
      spoken(value),
    ),
  ALGORITHMS: value =>
    algorithmText(
      [
        [BASE_HASH, value.baseHashSel as number],
        [BASE_ASYM, value.baseAsymSel as number],
        [PQC_ASYM, value.pqcAsymSel as number],
      ],
      spoken(value),
    ),
  DIGESTS: ({provisionedSlotMask}) => `slots ${bits(provisionedSlotMask as number)}`,
  GET_CERTIFICATE: ({slotId, offset, length: wanted, largeOffset, largeLength}) =>
    `${slot(slotId as number)}, offset ${(largeOffset ?? offset) as number}, length ${(largeLength ?? wanted) as number}`,
  CERTIFICATE: ({slotId, certChain, remainderLength, largeRemainderLength}) =>
    `${slot(slotId as number)}, ${length(certChain)} bytes, ${(largeRemainderLength ?? remainderLength) as number} left`,
  CHALLENGE: value => `${slot(value.slotId as number)}${summary(value)}`,
  CHALLENGE_AUTH: ({slotId}) => slot(slotId as number),
  GET_MEASUREMENTS: ({measurementOperation: operation, signatureRequested, slotIdParam}) =>
    `${operation === 0 ? 'number of blocks' : operation === 0xff ? 'all' : `index ${hex(operation as number, 2)}`}${
      signatureRequested === true ? `, signed, ${slot((slotIdParam ?? 0) as number)}` : ''
    }`,
  MEASUREMENTS: ({numberOfBlocks, signature, totalNumberOfMeasurements}) =>
    `${numberOfBlocks as number} blocks${length(signature) > 0 ? ', signed' : ''}${
      numberOfBlocks === 0 ? ` of ${totalNumberOfMeasurements as number}` : ''
    }`,
  KEY_EXCHANGE: value =>
    `${slot(value.slotId as number)}, ReqSessionID ${HALF_ID(value.reqSessionId)}${summary(value)}`,
  KEY_EXCHANGE_RSP: ({rspSessionId, heartbeatPeriod, mutAuthRequested}) =>
    `RspSessionID ${HALF_ID(rspSessionId)}, heartbeat ${heartbeatPeriod as number} s${mutAuthRequested === 0 ? '' : ', mutual authentication'}`,
  FINISH: ({signatureIncluded, reqSlotId}) =>
    signatureIncluded === true ? `signed, ${slot(reqSlotId as number)}` : '',
  PSK_EXCHANGE: ({reqSessionId, pskHint}) =>
    `ReqSessionID ${HALF_ID(reqSessionId)}, hint ${toHex(pskHint as Uint8Array)}`,
  PSK_EXCHANGE_RSP: ({rspSessionId, heartbeatPeriod}) =>
    `RspSessionID ${HALF_ID(rspSessionId)}, heartbeat ${heartbeatPeriod as number} s`,
  KEY_UPDATE: update,
  KEY_UPDATE_ACK: update,
  VENDOR_DEFINED_REQUEST: vendor,
  VENDOR_DEFINED_RESPONSE: vendor,
  CHUNK_SEND: chunk,
  CHUNK_RESPONSE: chunk,
  CHUNK_GET: ({handle, chunkSeqNo}) => `handle ${handle as number}, chunk ${chunkSeqNo as number}`,
  RESPOND_IF_READY: ({requestCode, token}) =>
    `${nameOf(SPDM_CODE_NAMES, requestCode as number)}, token ${hex(token as number, 2)}`,
  ERROR: ({errorCode, errorData}) =>
    `${nameOf(SPDM_ERROR_NAMES, errorCode as number)}${errorData === 0 ? '' : `, data ${hex(errorData as number, 2)}`}`,
}

function insideText({what, layout, value, problem}: Inside): string {
  if (layout === undefined || value === undefined) return `${what} (${problem ?? 'not read'})`
  const name = layout.name.startsWith(what) ? layout.name : `${what} ${layout.name}`
  const state =
    value.tdiState === undefined ? '' : ` ${nameOf(layout.fields.tdiState!.names ?? {}, value.tdiState as number)}`
  const error =
    value.errorCode === undefined ? '' : ` ${nameOf(layout.fields.errorCode!.names ?? {}, value.errorCode as number)}`
  const status =
    value.status === undefined ? '' : ` ${nameOf(layout.fields.status!.names ?? {}, value.status as number)}`
  return `${name}${state}${error}${status}`
}

/** One line about a message. */
export function salientText(name: SpdmMessageName, value: Seen, inside: readonly Inside[]): string {
  const [first] = inside
  if (name.startsWith('VENDOR_DEFINED') && first !== undefined) return insideText(first)
  const text = SALIENT[name]?.(value) ?? ''
  return name === 'GET_CAPABILITIES'
    ? [`SPDM ${versionText(value.spdmVersion as number)}`, text].filter(Boolean).join(', ')
    : text
}
