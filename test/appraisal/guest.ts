/** Evidence of simulated devices, collected as on a real guest, and the policy their vendor's publications make. */
import {toHex} from '../../src/bits/index.js'
import {appraise, type Appraisal, type AppraisalInput, loadPolicy, type Policy} from '../../src/appraisal/index.js'
import {
  type Bundle,
  type CollectionFacts,
  type EvidenceObject,
  freeze,
  type ManifestFacts,
  type PciFacts,
  tsmFacts,
  type TsmFacts,
  encodeFacts,
} from '../../src/evidence/index.js'
import {readPciFacts} from '../../src/operations/device-facts.js'
import {simPolicyText} from '../../src/operations/sim-policy.js'
import {publications} from '../../src/sim/index.js'
import {HOLD, pciTsm} from '../../src/tsm/index.js'
import {lockDevice, type TestMachine} from '../sim/machines.js'

export const NOW = new Date('2026-11-21T12:00:10Z')
export const NONCE = Uint8Array.from({length: 32}, (_, i) => i + 1)
export const BUNDLE_ID = '0f'.repeat(16)

export const FACTS: ManifestFacts = {
  bundleId: BUNDLE_ID,
  collectedAt: '2026-11-21T12:00:00Z',
  clock: 'trusted',
  host: {machineIdHash: null, bootId: null, kernel: null, tool: 'test', toolDigest: null},
  device: {bdf: null, vendor: null, device: null, subsystem: null, class: null, revision: null},
  provider: {kind: 'pci-tsm', abi: 'pci-tsm/1', tsm: 'tsm0', generation: null},
  nonce: {value: toHex(NONCE), derivation: 'random'},
  lockEpoch: {kind: 'none', value: null},
  tdiState: 'CONFIG_LOCKED',
}

/** The parts of a collection, before they are frozen. */
export interface Parts {
  readonly objects: ReadonlyMap<string, Uint8Array>
  readonly digests: ReadonlyMap<string, Uint8Array>
  readonly pci: PciFacts
  readonly collection: CollectionFacts
  readonly facts: ManifestFacts
  /** What the TSM states, beside state and digests. */
  readonly tsm?: Partial<TsmFacts>
}

/** Locks `bdf` and collects everything. */
export async function collect(machine: TestMachine, bdf: string): Promise<Parts> {
  const {kernel} = machine
  await machine.write(bdf, 'driver_override', HOLD)
  await lockDevice(machine, bdf)
  const before = await readPciFacts(kernel, bdf)
  const {objects, digests} = await pciTsm.collect(kernel, bdf, NONCE)
  const pci = await readPciFacts(kernel, bdf)
  const {vendor, device, subsystem, class: classCode, revision} = pci
  return {
    objects,
    digests,
    pci,
    collection: {before, unknownAttributes: [], generations: null, driverOverride: HOLD, driversAutoprobe: true},
    facts: {...FACTS, device: {bdf, vendor, device, subsystem, class: classCode, revision}},
  }
}

export function bundleOf({objects, digests, pci, collection, facts, tsm}: Parts): Bundle {
  const own: EvidenceObject[] = [
    {
      label: 'tsm',
      bytes: encodeFacts({...tsmFacts(facts.provider.tsm, facts.tdiState, digests), ...tsm}),
      source: 'test',
    },
    {label: 'pci', bytes: encodeFacts(pci), source: 'test'},
    {label: 'collection', bytes: encodeFacts(collection), source: 'test'},
  ]
  const collected = [...objects].map(([label, bytes]) => ({label, bytes, source: 'test'}) as EvidenceObject)
  return freeze([...collected, ...own], facts)
}

/** The policy of the machine's vendor, as `sim create` writes it. */
export async function policyOf(machine: TestMachine): Promise<Policy> {
  const published = await publications(machine.directory)
  return loadPolicy(
    [{name: 'sim.yaml', text: simPolicyText(published, 'root.der')}],
    new Map([['root.der', published.root.der]]),
    NOW,
  )
}

export const NONCES = {usedBefore: () => false, drawnFor: () => true}

export const judge = (
  bundle: Bundle,
  policy: Policy | undefined,
  extra: Partial<AppraisalInput> | ((bundle: Bundle) => Partial<AppraisalInput>) = {},
): Promise<Appraisal> =>
  appraise({
    bundle,
    policy,
    now: NOW,
    clockTrusted: true,
    mode: 'live',
    built: new Date('2026-11-01T00:00:00Z'),
    nonces: NONCES,
    ...(typeof extra === 'function' ? extra(bundle) : extra),
  })

/** Ids of the results that stand against acceptance by themselves. */
export const failures = ({results}: Appraisal): string[] =>
  results.filter(({result, blocking}) => blocking && (result === 'fail' || result === 'error')).map(({id}) => id)

export const blockers = ({results}: Appraisal): string[] =>
  results.filter(({blocking}) => blocking).map(({id, result, reason}) => `${id} ${result}${reason ?? ''}`)
