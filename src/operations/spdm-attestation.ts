/** What `spdm attest` found out, in words and numbers that can be printed as they are. */
import {nameOf, toHex} from '../bits/index.js'
import {
  type BlockFacts,
  CAPABILITY_FLAGS,
  type CapabilityFlags,
  type Connection,
  type DeviceMode,
  versionText,
} from '../spdm/index.js'
import type {ChainView} from './spdm-chain.js'
import type {Question, Verdict} from './spdm-questions.js'

type FlagName = Exclude<keyof CapabilityFlags, 'data' | 'base' | 'toJSON'>
const CAPABILITIES_BY_NAME = Object.keys(CAPABILITY_FLAGS.fields).filter(name => name.endsWith('Cap')) as FlagName[]

export interface NegotiatedView {
  /** `1.2`. */
  readonly version: string
  readonly hash: string | null
  readonly asym: string | null
  readonly measurementHash: string | null
  readonly exchange: string | null
  readonly aead: string | null
  /** Capabilities of the responder, `CERT_CAP`, `MEAS_CAP=signed`. */
  readonly capabilities: readonly string[]
  /** Bytes; null before 1.2. */
  readonly dataTransferSize: number | null
  readonly maxMessageSize: number | null
  readonly multiKey: boolean
}

export interface SlotView {
  readonly slot: number
  /** Digest of the chain that the responder gave, hexadecimal. */
  readonly chainDigest: string
  /** Null when the chain was not read. */
  readonly chain: ChainView | null
}

export interface MeasurementView {
  readonly index: number
  readonly type: string
  readonly representation: 'digest' | 'raw'
  /** Hexadecimal. */
  readonly value: string
  /** What a raw value says, where the specification says how to read it: an SVN, a device mode. */
  readonly meaning: string | null
  /** How it compares with the policy; null when there is none. */
  readonly status: string | null
}

export interface SessionView {
  readonly id: string
  readonly exchange: string
  readonly aead: string
  /** Seconds; 0 for none. */
  readonly heartbeatPeriod: number
  /** What was done inside, in order. */
  readonly steps: readonly string[]
}

export interface Attestation {
  readonly peer: string
  readonly startedAt: string
  readonly verdict: Verdict
  readonly questions: readonly Question[]
  /** Null when the negotiation failed. */
  readonly negotiated: NegotiatedView | null
  readonly slots: readonly SlotView[]
  /** Slot whose key was asked to sign. */
  readonly slot: number | null
  /** Null when they were not read. */
  readonly measurements: readonly MeasurementView[] | null
  readonly session: SessionView | null
  /** Requests that were answered. */
  readonly exchanges: number
}

/** `KEY_EX_CAP` of `keyExCap`. */
const flagName = (name: string): string => name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()

const capabilityNames = (flags: Connection['responder']['flags']): string[] =>
  CAPABILITIES_BY_NAME.flatMap(name => {
    const value = flags[name]
    if (typeof value !== 'number') return value ? [flagName(name)] : []
    return value === 0 ? [] : [`${flagName(name)}=${nameOf(CAPABILITY_FLAGS.fields[name].names ?? {}, value)}`]
  })

export const negotiatedView = (connection: Connection): NegotiatedView => ({
  version: versionText(connection.version),
  hash: connection.hash?.name ?? null,
  asym: connection.asym?.name ?? null,
  measurementHash: connection.measurementHash?.name ?? null,
  exchange: connection.exchange?.name ?? null,
  aead: connection.aead?.name ?? null,
  capabilities: capabilityNames(connection.responder.flags),
  dataTransferSize: connection.responder.dataTransferSize ?? null,
  maxMessageSize: connection.responder.maxSpdmMsgSize ?? null,
  multiKey: connection.multiKey,
})

const OPERATIONAL = [
  ['manufacturingMode', 'manufacturing'],
  ['validationMode', 'validation'],
  ['normalMode', 'normal'],
  ['recoveryMode', 'recovery'],
  ['rmaMode', 'returned merchandise'],
  ['decommissionedMode', 'decommissioned'],
] as const satisfies readonly (readonly [keyof DeviceMode, string])[]

const DEBUG = [
  ['nonInvasiveDebug', 'is being debugged, not invasively'],
  ['invasiveDebug', 'is being debugged invasively'],
  ['nonInvasiveDebugSinceReset', 'has been debugged since reset, not invasively'],
  ['invasiveDebugSinceReset', 'has been debugged invasively since reset'],
  ['invasiveDebugSinceManufacturing', 'has been debugged since manufacturing'],
] as const satisfies readonly (readonly [keyof DeviceMode, string])[]

function modeText(mode: DeviceMode): string {
  const operational = OPERATIONAL.filter(([key]) => mode[key]).map(([, name]) => name)
  const undefinedBits = mode.operationalReserved !== 0 || mode.deviceReserved !== 0
  return [
    operational.join(' and ') || 'no mode',
    ...DEBUG.filter(([key]) => mode[key]).map(([, text]) => text),
    ...(undefinedBits ? ['and bits that are not defined'] : []),
  ].join('; ')
}

const meaningOf = ({svn, deviceMode}: BlockFacts): string | null =>
  svn === undefined ? (deviceMode === undefined ? null : modeText(deviceMode)) : `${svn}`

export const measurementView = (block: BlockFacts, status: string | null): MeasurementView => ({
  index: block.index,
  type: block.typeName ?? (block.type === undefined ? 'not DMTF' : `type ${block.type}`),
  representation: block.raw ? 'raw' : 'digest',
  value: toHex(block.value),
  meaning: meaningOf(block),
  status,
})
