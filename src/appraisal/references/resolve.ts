/** Collects the reference values a rule names. Whatever cannot be trusted, read and understood makes them unusable. */
import {quoted} from '../../errors.js'
import {named} from '../../evidence/index.js'
import type {CertificateFacts} from '../../spdm/index.js'
import {readRim} from '../../vendor/index.js'
import {holdsFor, type Pin} from '../pins/index.js'
import type {EffectiveRule, Policy} from '../policy/index.js'
import {type DeviceFacts, deviceOf, type Moment} from './device.js'
import {corimReferences, openCorim} from './from-corim.js'
import {pinReferences} from './from-pin.js'
import {type RimSource, rimReferences} from './from-rim.js'
import {isUnusable, orUnusable, Refusal, unusable} from './outcome.js'
import {requireSigner} from './signer.js'
import type {Provenance, Reference, ReferenceSet, UnusableReferences, UsableReferences} from './types.js'

export interface ReferenceSources {
  readonly policy: Policy | undefined
  readonly rule: EffectiveRule
  /** Pin of the verified device certificate. */
  readonly pin: Pin | undefined
  /** Certificates of the device, root first, if the path to an anchor of the rule verified. */
  readonly chain: readonly CertificateFacts[] | undefined
  readonly now: Date
  /** When this tool was built. */
  readonly built: Date
}

const POLICY: Provenance = {label: 'policy', signer: null, tagId: null, sha384: null, validity: null}

type Manifest = EffectiveRule['measurements']['rim'][number]

/** The bytes a rule means, which must be those it gives the digest of. */
function fileOf({file, sha384}: Manifest, {files}: Policy): Uint8Array {
  if (file === undefined) throw new Refusal('no-file', 'a manifest that is named only by its tag is not looked for')
  const bytes = files.get(file)
  if (bytes === undefined) throw new Refusal('missing', 'the file was not found')
  if (sha384 !== undefined && named(bytes) !== sha384)
    throw new Refusal('digest', 'the file is not the one the rule gives the digest of')
  return bytes
}

interface Reading {
  readonly policy: Policy
  readonly device: DeviceFacts
  readonly moment: Moment
}

async function corim(manifest: Manifest, {policy, device, moment}: Reading) {
  const bytes = fileOf(manifest, policy)
  const {facts, signature} = await openCorim(bytes)
  await requireSigner(signature, manifest.signer, policy, moment)
  return corimReferences(facts, device, moment, originOf(manifest, bytes))
}

async function rim(manifest: Manifest, {policy, moment}: Reading): Promise<RimSource> {
  const bytes = fileOf(manifest, policy)
  const found = readRim(bytes)
  await requireSigner(found.signed, manifest.signer, policy, moment)
  return {rim: found, origin: originOf(manifest, bytes)}
}

const originOf = ({file, signer}: Manifest, bytes: Uint8Array) => ({label: file!, signer, sha384: named(bytes)})

/** What `read` makes of every manifest of the rule: one that cannot be used takes the others with it. */
async function ofEach<T extends object>(
  manifests: readonly Manifest[],
  read: (manifest: Manifest) => Promise<T>,
): Promise<readonly T[] | UnusableReferences> {
  const parts: T[] = []
  for (const manifest of manifests) {
    const part = await orUnusable(() => read(manifest))
    if (isUnusable(part)) return unusable(part.code, `${quoted(manifest.file ?? manifest.tagId ?? '')}: ${part.why}`)
    parts.push(part)
  }
  return parts
}

async function fromManifests(source: 'corim' | 'vendor-rim', sources: ReferenceSources): Promise<ReferenceSet> {
  const {rule, policy, chain, now, built} = sources
  if (policy === undefined) return unusable('policy', 'there is no usable policy')
  const {validity: mode, floor} = rule.time
  const device = deviceOf(chain)
  const moment = {now, built, floor: floor === null ? undefined : new Date(floor), mode}
  const manifests = rule.measurements.rim
  if (source === 'corim') {
    const parts = await ofEach(manifests, manifest => corim(manifest, {policy, device, moment}))
    if (isUnusable(parts)) return parts
    return combined(
      parts.flatMap(({values}) => values),
      parts.flatMap(({firmware}) => firmware),
    )
  }
  const parts = await ofEach(manifests, manifest => rim(manifest, {policy, device, moment}))
  if (isUnusable(parts)) return parts
  const values = await orUnusable(() => rimReferences(parts, device))
  return isUnusable(values) ? values : combined(values, [])
}

const KINDS = ['digests', 'raw', 'svn', 'informational'] as const

/** References of one index are alternatives, so they must be of one kind. */
function combined(values: readonly Reference[], firmware: UsableReferences['firmware']): ReferenceSet {
  if (values.length + firmware.length === 0) return unusable('empty', 'there are none')
  const kinds = new Map<number, string>()
  for (const value of values) {
    const kind = KINDS.find(name => value[name] !== undefined)!
    const before = kinds.get(value.index) ?? kind
    if (before !== kind && value.when === undefined)
      return unusable('conflict', `block ${value.index} is approved by ${before} and by ${kind}`)
    kinds.set(value.index, before)
  }
  return {status: 'usable', values, firmware}
}

/** The reference values of a rule; never throws for what is in them. */
export async function resolveReferences(sources: ReferenceSources): Promise<ReferenceSet> {
  const {rule, pin} = sources
  const {source, values} = rule.measurements
  switch (source) {
    case 'none':
      return {status: 'none', key: 'measurements.source: none', why: 'the rule gives no reference values'}
    case 'inline':
      return combined(
        values.map(value => ({...value, provenance: POLICY})),
        [],
      )
    case 'enrolled':
      if (pin !== undefined && holdsFor(rule.identity.mode, pin)) return combined(pinReferences(pin), [])
      if (pin !== undefined) return unusable('no-pin', 'this device was accepted before, but nobody enrolled it')
      return rule.identity.mode === 'tofu'
        ? {status: 'none', key: 'identity.mode: tofu', why: 'nothing is enrolled yet to compare with'}
        : unusable('no-pin', 'this device was not enrolled')
    case 'corim':
    case 'vendor-rim':
      return fromManifests(source, sources)
  }
}
