/** `evidence`: collects and freezes the evidence of a locked TDI (RATS evidence), and keeps a copy under its digest D. */
import {burnNonce} from '../appraisal/index.js'
import {toHex} from '../bits/index.js'
import {
  type Bundle,
  bundleFromJson,
  drawNonce,
  encodeFacts,
  type EvidenceObject,
  freeze,
  type LockEpoch,
  nonceBytes,
  type PciFacts,
  shortDigest,
  tsmFacts,
} from '../evidence/index.js'
import {quoted, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {chooseProvider, type CollectedEvidence, readTdi, type Tdi} from '../tsm/index.js'
import {readPciFacts} from './device-facts.js'
import {collectHostLink, isOnHostSide} from './host-link.js'
import {recordAudit} from './record-audit.js'
import {bundleName, factsAround, keepBundle, kernelFacts} from './surroundings.js'
import {exclusively} from './transition.js'

export interface CollectOptions {
  readonly signal?: AbortSignal | undefined
  /** Nonce of a relying party that wants to see its own freshness, any length up to 64 bytes. */
  readonly relyingPartyNonce?: Uint8Array | undefined
  readonly tool?: string | undefined
}

/**
 * Collects the evidence of `bdf`, which must be locked, or on the host's side connected. Throws TsmctlError; the device
 * stays as it is.
 */
export const collectEvidence = (kernel: Kernel, bdf: string, options: CollectOptions = {}): Promise<Bundle> =>
  exclusively(kernel, bdf, () =>
    isOnHostSide(kernel, bdf) ? collectHostLink(kernel, bdf, options) : collectHeld(kernel, bdf, options),
  )

/** `collectEvidence` for a caller that already has exclusive use of the device. */
export async function collectHeld(kernel: Kernel, bdf: string, options: CollectOptions): Promise<Bundle> {
  const {signal} = options
  const tdi = await readTdi(kernel, bdf, signal)
  if (tdi.state === 'CONFIG_UNLOCKED')
    throw new TsmctlError({
      kind: 'transition',
      attempted: `collect evidence of ${bdf}`,
      subject: bdf,
      got: 'the TDI is CONFIG_UNLOCKED, and evidence means nothing before the lock',
      hint: `tsmctl lock ${bdf} first.`,
    })
  const provider = await chooseProvider(kernel, signal)
  const before = await readPciFacts(kernel, bdf, signal)
  const nonce = drawNonce(length => kernel.random(length), options.relyingPartyNonce)
  const bundleId = toHex(kernel.random(16))
  burnNonce(kernel.state, nonce.value, bundleId, {now: kernel.now(), monotonic: kernel.monotonic()})
  const collected = await provider.collect(kernel, bdf, nonceBytes(nonce), signal)
  const after = await readPciFacts(kernel, bdf, signal)
  const state = await readTdi(kernel, bdf, signal)
  const bundle = freeze(objectsOf(kernel, collected, before, after, state), {
    ...factsAround(kernel, after, options.tool ?? 'tsmctl'),
    tdiState: state.state,
    bundleId,
    // one that nobody took proves nothing, and is not shown as if it did
    nonce: collected.nonceTaken ? nonce : null,
    lockEpoch: epochOf(collected),
    provider: {
      kind: collected.provider,
      abi: collected.abi,
      tsm: state.lockedBy,
      generation: collected.generations?.[0] ?? null,
    },
  })
  keepBundle(kernel, bundle)
  recordAudit(kernel, 'collected', {bdf, bundle})
  return bundle
}

/** What tells this lock and its evidence from any other, where the interface has such a thing. */
function epochOf({count, generations}: CollectedEvidence): LockEpoch {
  if (count !== null) return {kind: 'report-counter', value: String(count)}
  const last = generations?.at(-1)
  return last === undefined ? {kind: 'none', value: null} : {kind: 'generation', value: String(last)}
}

function objectsOf(
  kernel: Kernel,
  collected: CollectedEvidence,
  before: PciFacts,
  after: PciFacts,
  tdi: Tdi,
): EvidenceObject[] {
  const tsm = tsmFacts(tdi.lockedBy, tdi.state, collected.digests)
  return [
    ...[...collected.objects].map(([label, bytes]): EvidenceObject => {
      const digest = collected.digests.get(label)
      return {
        label,
        bytes,
        source: collected.provider,
        ...(digest !== undefined && {tsmDigest: {alg: tsm.digestAlgorithm ?? 'unknown', value: toHex(digest)}}),
      }
    }),
    {label: 'tsm', bytes: encodeFacts(tsm), source: collected.provider},
    {label: 'pci', bytes: encodeFacts(after), source: 'sysfs'},
    {
      label: 'collection',
      bytes: encodeFacts({
        before,
        unknownAttributes: [...collected.unknownAttributes],
        generations: collected.generations,
        driverOverride: tdi.driverOverride,
        ...kernelFacts(kernel),
      }),
      source: 'sysfs',
    },
  ]
}

/** The kept bundle of `digest`. Throws TsmctlError when this machine never collected it. */
export function keptBundle(kernel: Kernel, digest: string): Bundle {
  if (!/^sha384:[0-9a-f]{96}$/.test(digest))
    throw new TsmctlError({
      kind: 'usage',
      attempted: `use evidence digest ${quoted(digest, 110)}`,
      got: 'not sha384: and 96 hexadecimal digits',
      hint: 'tsmctl evidence prints the digest; the short form is not enough here.',
    })
  const bytes = kernel.state.read(bundleName(digest))
  if (bytes === undefined)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `find evidence ${shortDigest(digest)}`,
      got: 'this machine has not collected it',
      hint: 'Collect evidence of the locked device first: tsmctl evidence BDF.',
    })
  const bundle = bundleFromJson(bytes)
  // a file's name is not what it contains: the caller named this evidence and no other
  if (bundle.digest !== digest)
    throw new TsmctlError({
      kind: 'malformed',
      attempted: `use evidence ${shortDigest(digest)}`,
      got: `the kept file holds evidence ${shortDigest(bundle.digest)}`,
      hint: 'Somebody changed the state directory: collect the evidence again.',
    })
  return bundle
}
