/**
 * What a TSM can state about the TDI it holds, beyond digests. Every statement is optional: interfaces of kernels give
 * few of them or none, and what nobody states stays unproven. The shapes are those of AMD SEV-TIO (TDI status and info)
 * and of Arm's RMM (device digests, and nonces of lock, measurements and report).
 */
import * as v from 'valibot'

const text = v.pipe(v.string(), v.maxLength(64))
const hexBytes = v.pipe(v.string(), v.regex(/^([0-9a-f]{2})+$/), v.maxLength(1024))
/** Register or identifier, `0x0102`. */
export const identifier = v.pipe(v.string(), v.regex(/^0x[0-9a-f]{1,16}$/))
export const bdf = v.pipe(v.string(), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/))
const whole = (most: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(most))
export const streamId = whole(255)
export const trafficClass = whole(7)
const version = v.pipe(v.string(), v.regex(/^1\.[0-9]$/))

/** Does the TSM hold a digest of the measurements at all, and was it made for the request before it? */
const MEASUREMENT_DIGEST = v.strictObject({valid: v.boolean(), fresh: v.boolean()})

/** The secured session of TSM and DSM (DSP0277). */
const SESSION = v.strictObject({
  /** The TDI belongs to this machine, and to this session. */
  bound: v.optional(v.boolean()),
  alive: v.optional(v.boolean()),
  /** SessionID; 0 is none. */
  id: v.optional(identifier),
  /** Certificate slot that the device authenticated with. */
  slot: v.optional(whole(7)),
  /** Digest of what the device authenticated with: its certificate, or the SubjectPublicKeyInfo in it. */
  key: v.optional(v.strictObject({of: v.picklist(['certificate', 'spki']), alg: text, value: hexBytes})),
  spdmVersion: v.optional(version),
  /** Highest SPDM version of the TSM: GET_VERSION carries no list of the requester's. */
  maxSpdmVersion: v.optional(version),
  /** By the names that policies use: `sha384`, `ecdsa-p384`, `aes-256-gcm`. */
  algorithms: v.optional(
    v.strictObject({
      hash: v.optional(text),
      asym: v.optional(text),
      measurementHash: v.optional(text),
      dhe: v.optional(text),
      aead: v.optional(text),
    }),
  ),
})

/** FLAGS of LOCK_INTERFACE_REQUEST (PCIe r7.0 §11.3.8). */
const LOCK_FLAGS = v.strictObject({
  noFwUpdate: v.optional(v.boolean()),
  lockMsix: v.optional(v.boolean()),
  bindP2p: v.optional(v.boolean()),
  allRequestRedirect: v.optional(v.boolean()),
})

/** Something the TSM makes anew or counts up, read before the evidence was asked for and after it was read. */
const MARK = v.strictObject({before: v.nullable(hexBytes), after: v.nullable(hexBytes)})

/** Nonces (Arm) or counters (AMD), as big-endian bytes. */
const MARKS = v.strictObject({lock: v.optional(MARK), measurements: v.optional(MARK), report: v.optional(MARK)})

const INTERFACE = v.strictObject({
  /** Identifier of the TDI that the TSM files the report under. */
  report: identifier,
  /** Identifier of the TDI that is bound here, and the function of this machine it is mapped to. */
  tdi: v.optional(identifier),
  bdf: v.optional(bdf),
})

/** Sub-streams and directions that have keys of their own (PCIe r6.2 §6.33.3), as the Root Port sees them. */
export const IDE_KEYS = ['pr-tx', 'pr-rx', 'npr-tx', 'npr-rx', 'cpl-tx', 'cpl-rx'] as const

/** Flaws of IDE in PCIe r6 that are corrected in devices and platforms, not by software. */
export const IDE_ERRATA = ['CVE-2025-9612', 'CVE-2025-9613', 'CVE-2025-9614'] as const
const corrections = v.pipe(v.array(v.picklist(IDE_ERRATA)), v.maxLength(IDE_ERRATA.length))

/** Corrections that platform and device declare to have. */
export const ERRATA = v.strictObject({platform: corrections, device: corrections})

/** The link of the TDI, in the TSM's words. */
const LINK = v.strictObject({
  secure: v.optional(v.boolean()),
  streamId: v.optional(streamId),
  /** The stream is the default stream that the TDI was locked with. */
  defaultStream: v.optional(v.boolean()),
  trafficClass: v.optional(trafficClass),
  /** The Requester IDs associated with the stream are this TDI's and nobody else's. */
  exclusive: v.optional(v.boolean()),
  /** What TEE-limited should be on this platform. */
  teeLimited: v.optional(v.boolean()),
  keys: v.optional(
    v.strictObject({
      /** SessionID of the session the keys came over. */
      session: identifier,
      programmed: v.pipe(v.array(v.picklist(IDE_KEYS)), v.maxLength(IDE_KEYS.length)),
    }),
  ),
  errata: v.optional(ERRATA),
})

/** Members of the `tsm` object beyond its first ones: absent from whatever states nothing more. */
export const TSM_STATEMENTS = {
  /** A link TSM has the device connected. */
  connected: v.optional(v.boolean()),
  measurementDigest: v.optional(MEASUREMENT_DIGEST),
  session: v.optional(SESSION),
  lockFlags: v.optional(LOCK_FLAGS),
  marks: v.optional(MARKS),
  interface: v.optional(INTERFACE),
  link: v.optional(LINK),
}

const STATEMENTS = v.strictObject(TSM_STATEMENTS)
export type TsmStatements = Readonly<v.InferOutput<typeof STATEMENTS>>
export type TsmSession = NonNullable<TsmStatements['session']>
export type TsmMark = v.InferOutput<typeof MARK>
export type TsmMarks = NonNullable<TsmStatements['marks']>
export type TsmLink = NonNullable<TsmStatements['link']>
export type IdeErrata = v.InferOutput<typeof ERRATA>
