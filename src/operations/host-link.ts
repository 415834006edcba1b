/**
 * `evidence` on the host's side: what kernel, configuration space and IDE registers show of a device that is connected to
 * a link TSM. It can be verified, and it never leads to accept: the host accepts nothing. Who the device is, no kernel
 * shows there yet, so that a policy that asks for it denies.
 */
import {toHex} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {
  type Bundle,
  encodeFacts,
  type EvidenceObject,
  freeze,
  type IdeFacts,
  type PciFacts,
  type TsmFacts,
} from '../evidence/index.js'
import type {Kernel} from '../kernel/index.js'
import {deviceDirectory, readFunctionLink} from '../pci/index.js'
import {valueOf} from '../known.js'
import {observe} from '../tsm/index.js'
import {sriovFacts} from './connections.js'
import {readPciFacts} from './device-facts.js'
import {type HostLook, lookAtHost} from './host-state.js'
import {ideFacts} from './ide-facts.js'
import {recordAudit} from './record-audit.js'
import {factsAround, keepBundle, kernelFacts} from './surroundings.js'

export interface HostLinkOptions {
  readonly signal?: AbortSignal | undefined
  readonly tool?: string | undefined
}

const ABI = 'host-link/1'

/** Does the kernel show the host's side of `bdf`, and not the guest's? */
export function isOnHostSide(kernel: Kernel, bdf: string): boolean {
  const has = (attribute: string): boolean => kernel.stat(`${deviceDirectory(bdf)}/tsm/${attribute}`) !== undefined
  return !has('lock') && (has('connect') || has('dsm'))
}

/** The function that is connected: `bdf`, or the one its DSM is at. */
async function connectionOf(kernel: Kernel, bdf: string, signal: AbortSignal | undefined): Promise<HostLook> {
  const own = await lookAtHost(kernel, bdf, signal)
  const {tsm, dsm, unknown} = own.connection
  if (tsm !== null) return own
  const at = dsm === null || dsm === bdf ? own : await lookAtHost(kernel, dsm, signal)
  if (at.connection.tsm !== null) return at
  throw new TsmctlError({
    kind: 'transition',
    attempted: `collect evidence of ${bdf}`,
    subject: bdf,
    got: unknown[0] ?? 'no TSM has it connected, and evidence of a link means nothing before that',
    hint: `tsmctl connect ${bdf} first.`,
  })
}

/** The physical function of `bdf`: itself unless it is virtual. */
function physicalOf(kernel: Kernel, bdf: string): string {
  const link = readFunctionLink(kernel, `${deviceDirectory(bdf)}/physfn`)
  return (link.present && valueOf(link.value)) || bdf
}

/** Collects the evidence of `bdf`. Throws TsmctlError; nothing is written to the device. */
export async function collectHostLink(kernel: Kernel, bdf: string, options: HostLinkOptions): Promise<Bundle> {
  const {signal} = options
  const before = await readPciFacts(kernel, bdf, signal)
  const {connection, ide: view} = await connectionOf(kernel, bdf, signal)
  const {tsm, bdf: dsm} = connection
  const ide = ideFacts(view, dsm)
  const after = await readPciFacts(kernel, bdf, signal)
  const override = await observe(kernel, `${deviceDirectory(bdf)}/driver_override`, signal)
  const bundle = freeze(objectsOf(kernel, {before, after, ide, tsm, override}), {
    ...factsAround(kernel, after, options.tool ?? 'tsmctl'),
    tdiState: 'unknown',
    bundleId: toHex(kernel.random(16)),
    nonce: null,
    lockEpoch: {kind: 'none', value: null},
    provider: {kind: 'host-link', abi: ABI, tsm, generation: null},
  })
  keepBundle(kernel, bundle)
  recordAudit(kernel, 'collected', {bdf, bundle})
  return bundle
}

interface Seen {
  readonly before: PciFacts
  readonly after: PciFacts
  readonly ide: IdeFacts | undefined
  readonly tsm: string | null
  readonly override: string | null
}

function objectsOf(kernel: Kernel, {before, after, ide, tsm, override}: Seen): EvidenceObject[] {
  const stated: TsmFacts = {name: tsm, state: 'unknown', digestAlgorithm: null, digests: {}, connected: true}
  const sriov = sriovFacts(kernel, physicalOf(kernel, after.bdf))
  const collection = {
    before,
    unknownAttributes: [],
    generations: null,
    driverOverride: override === '(null)' || override === '' ? null : override,
    ...kernelFacts(kernel),
    ...(sriov && {sriov}),
  }
  return [
    {label: 'tsm', bytes: encodeFacts(stated), source: 'sysfs'},
    ...(ide === undefined ? [] : [{label: 'ide' as const, bytes: encodeFacts(ide), source: 'config space'}]),
    {label: 'pci', bytes: encodeFacts(after), source: 'sysfs'},
    {label: 'collection', bytes: encodeFacts(collection), source: 'sysfs'},
  ]
}
