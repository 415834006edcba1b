/** `bundle show`, `check` and `convert`: evidence at rest, in all its forms, without judging it. */
import {
  type BoundEvidence,
  boundOf,
  bundleToCbor,
  bundleToFiles,
  bundleToJson,
  carriesBinding,
  checkJsonSize,
  findBundle,
  inspectCbor,
  type FoundBundle,
  inspectFiles,
  isBound,
  isRelyingPartyNonce,
  strictJson,
} from '../evidence/index.js'
import {fromHex, toHex} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import type {Brought} from './import-evidence.js'

/** `bound`: inside a collection with a report of the platform. */
export const BUNDLE_FORMS = ['json', 'directory', 'cbor', 'bound'] as const
export type BundleForm = (typeof BUNDLE_FORMS)[number]

/** Forms for other verifiers; the token of the profile for device assignment says less than a bundle. */
export const EXPORT_FORMATS = ['cmw-json', 'cmw-cbor', 'eat-da'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export interface OpenedBundle extends FoundBundle {
  readonly form: BundleForm
  readonly bound: BoundEvidence | null
}

/** A CBOR map, with its length in the first byte or behind it (RFC 8949 §3.1, major type 5). */
export const isCborMap = ([first = 0]: Uint8Array): boolean => first >= 0xa0 && first <= 0xbb

/** A bundle in any of its forms, with what is wrong with it. Throws TsmctlError `malformed` for what is none. */
export async function openBundle(brought: Brought): Promise<OpenedBundle> {
  if (!(brought instanceof Uint8Array)) return {...inspectFiles(brought), form: 'directory', bound: null}
  if (isCborMap(brought)) return {...(await inspectCbor(brought)), form: 'cbor', bound: null}
  checkJsonSize(brought)
  const json = strictJson(brought, 'the evidence bundle')
  if (!isBound(json)) return {...findBundle(json), form: 'json', bound: null}
  const {bundle, findings, ...bound} = boundOf(json)
  return {bundle, findings, form: 'bound', bound: {bundle, ...bound}}
}

export interface BundleCheck {
  readonly form: BundleForm
  /** D as the manifest makes it. */
  readonly digest: string
  readonly objects: number
  readonly findings: readonly string[]
  /** Null without a platform's report, or where nobody knows where it would have the value. */
  readonly reportCarriesBinding: boolean | null
}

/** Integrity alone: that a bundle is whole says nothing about whom it is from. */
export function bundleCheck({bundle, findings, form, bound}: OpenedBundle): BundleCheck {
  const carried = bound === null ? null : (carriesBinding(bound) ?? null)
  return {
    form,
    digest: bundle.digest,
    objects: bundle.objects.size,
    findings: [
      ...findings,
      ...(carried === false ? ["platform: the report does not carry this bundle's binding"] : []),
    ],
    reportCarriesBinding: carried,
  }
}

export type Written = string | Uint8Array | ReadonlyMap<string, Uint8Array>

/** A whole bundle in another form; D stays. */
export async function bundleAs(bundle: BoundEvidence['bundle'], form: Exclude<BundleForm, 'bound'>): Promise<Written> {
  if (form === 'json') return bundleToJson(bundle)
  if (form === 'directory') return bundleToFiles(bundle)
  return bundleToCbor(bundle)
}

/** A relying party's nonce, as it is typed; none is of no bytes. */
export function relyingPartyNonce(text: string | undefined): Uint8Array {
  if (text === undefined) return new Uint8Array()
  if (/^[0-9a-fA-F]+$/.test(text) && text.length % 2 === 0) {
    const bytes = fromHex(text)
    if (isRelyingPartyNonce(bytes)) return bytes
  }
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'use the nonce',
    got: 'not 1 to 64 bytes in hexadecimal',
    hint: 'For example --nonce "$(openssl rand -hex 32)"',
  })
}

export const nonceText = (nonce: Uint8Array): string | null => (nonce.length === 0 ? null : toHex(nonce))
