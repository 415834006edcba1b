/**
 * Evidence of a device together with a report of the platform it was collected on, which names that evidence: a CMW
 * collection around the bundle. The report stands outside of the bundle, because D is what it reports.
 */
import {equal, fromHex, toHex} from '../bits/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {isRecord} from '../records.js'
import {toBase64url} from './base64url.js'
import {OBJECT_LIMIT} from './bundle.js'
import {COLLECTION_TYPE, EVIDENCE, jsonRecord} from './cmw.js'
import {jcsBytes} from './jcs.js'
import {platformBinding} from './nonce.js'
import {bundleToJson, findBundle, type FoundBundle} from './serialize.js'
import {strictJson} from './strict-json.js'
import type {Bundle} from './types.js'

/** CMW collection type of evidence with the platform's report. */
export const BOUND_TYPE = 'tag:github.com,2026:tsmctl/bound-evidence/1'
const BINDING_TYPE = 'application/vnd.tsmctl.platform-binding+json'
const REPORT_TYPE = 'application/vnd.tsmctl.configfs-tsm'
const AUXILIARY_TYPE = `${REPORT_TYPE};blob=aux`

/** What configfs-tsm gave for the binding value. */
export interface PlatformReport {
  /** `tdx_guest`, `sev_guest`: as the kernel names it. */
  readonly provider: string
  readonly report: Uint8Array
  /** What belongs to it, such as certificates; absent where the provider has none. */
  readonly auxiliary?: Uint8Array | undefined
}

export interface BoundEvidence {
  readonly bundle: Bundle
  /** The relying party's; empty for none. */
  readonly nonce: Uint8Array
  readonly platform: PlatformReport
}

const malformed = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read bound evidence', got})

const record = (mediaType: string, bytes: Uint8Array): string =>
  JSON.stringify([mediaType, toBase64url(bytes), EVIDENCE])

/** The text of a `*.tsmp.json` file. */
export function boundToJson({bundle, nonce, platform}: BoundEvidence): string {
  const binding = {digest: bundle.digest, nonce: toHex(nonce), value: toHex(platformBinding(bundle.digest, nonce))}
  const lines = [
    `"${COLLECTION_TYPE}": ${JSON.stringify(BOUND_TYPE)}`,
    `"binding": ${record(BINDING_TYPE, jcsBytes(binding))}`,
    `"platform": ${record(`${REPORT_TYPE};provider=${platform.provider}`, platform.report)}`,
    ...(platform.auxiliary === undefined ? [] : [`"auxiliary": ${record(AUXILIARY_TYPE, platform.auxiliary)}`]),
    `"bundle": ${bundleToJson(bundle).trimEnd()}`,
  ]
  return `{${lines.join(',\n ')}}\n`
}

const PROVIDER = new RegExp(`^${REPORT_TYPE};provider=([a-z0-9_]{1,64})$`)
const HEX = /^([0-9a-f]{2}){0,64}$/

/** Is this parsed JSON bound evidence? */
export const isBound = (json: unknown): json is Record<string, unknown> =>
  isRecord(json) && json[COLLECTION_TYPE] === BOUND_TYPE

/**
 * Bound evidence out of parsed JSON; what is wrong with the bundle in it is among the findings. Throws TsmctlError
 * `malformed` when the parts do not belong together.
 */
export function boundOf(json: Record<string, unknown>): BoundEvidence & FoundBundle {
  const {[COLLECTION_TYPE]: _, binding, platform, auxiliary, bundle, ...others} = json
  const [stranger] = Object.keys(others)
  if (stranger !== undefined) throw malformed(`unknown label ${quoted(stranger, 32)}`)
  const room = {left: 2 * OBJECT_LIMIT, perRecord: OBJECT_LIMIT}
  const [stated, report] = [jsonRecord('binding', binding, room), jsonRecord('platform', platform, room)]
  const [, provider] = PROVIDER.exec(report.mediaType) ?? []
  if (provider === undefined) throw malformed(`the platform's media type is ${quoted(report.mediaType)}`)
  const said = strictJson(stated.bytes, 'the binding of bound evidence')
  const nonce = isRecord(said) ? said['nonce'] : undefined
  if (typeof nonce !== 'string' || !HEX.test(nonce)) throw malformed('the binding has no nonce of at most 64 bytes')
  const found = findBundle(bundle)
  const {digest} = found.bundle
  const value = toHex(platformBinding(digest, fromHex(nonce)))
  if (!equal(stated.bytes, jcsBytes({digest, nonce, value})))
    throw malformed('the binding is not that of this bundle and nonce')
  return {
    ...found,
    nonce: fromHex(nonce),
    platform: {
      provider,
      report: report.bytes,
      auxiliary: auxiliary === undefined ? undefined : jsonRecord('auxiliary', auxiliary, room).bytes,
    },
  }
}

/**
 * Where a report has the 64 bytes it was asked to carry, in bytes: REPORTDATA of a TD quote of version 4 (behind a header
 * of 48), REPORT_DATA of an SNP attestation report. Other providers are not looked into.
 */
const CARRIED_AT: Readonly<Record<string, number>> = {tdx_guest: 48 + 520, sev_guest: 0x50}

/** Does the report carry the binding value? Undefined where nobody knows where it would stand. */
export function carriesBinding({bundle, nonce, platform}: BoundEvidence): boolean | undefined {
  const at = CARRIED_AT[platform.provider]
  if (at === undefined) return undefined
  const value = platformBinding(bundle.digest, nonce)
  return equal(platform.report.subarray(at, at + value.length), value)
}
