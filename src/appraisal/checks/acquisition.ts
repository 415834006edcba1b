/** Acquisition: is the evidence whole, fresh, and of this device? */
import {fromHex, get, isZero, mask} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import {
  derivationHolds,
  integrityFindings,
  NONCE_LENGTH,
  OBJECT_LIMIT,
  type PciFacts,
  type ProviderKind,
} from '../../evidence/index.js'
import {certificateLabel, type Facts, known} from '../facts.js'
import {isHostSide} from '../host-side.js'
import type {Check} from './context.js'
import {fail, failIfAny, malformed, pass, skip} from './verdict.js'

const KNOWN_ABIS = ['device-evidence/1', 'pci-tsm/1', 'host-link/1']
/** Forms of vendors' tools that the importers read. */
const VENDOR_FORMS = ['nvidia-evidence/1', 'nvidia-evidence-item/1']
const LIVE = ['device-evidence', 'pci-tsm']

/** Does every object of this interface carry a generation? */
export const hasGenerations = (kind: ProviderKind): boolean => kind === 'device-evidence'

const isLiveKind = ({bundle}: Facts): boolean => LIVE.includes(bundle.manifest.provider.kind)

const abiKnown: Check = ({facts}) => {
  const {kind, abi} = facts.bundle.manifest.provider
  if (kind === 'file') return pass('evidence from a file')
  if (kind === 'vendor-tool' && VENDOR_FORMS.includes(abi)) return pass("evidence of a vendor's tool")
  if (kind === 'none') return fail('none', 'this kernel has none')
  if (!KNOWN_ABIS.includes(abi)) return fail('abi', quoted(abi), {expected: KNOWN_ABIS.join(', ')})
  const {collection} = facts
  if (collection.kind === 'malformed') return malformed('collection', collection.error)
  if (collection.kind !== 'decoded') return fail('no-record', 'no record of the collection')
  const {unknownAttributes} = collection.value
  return unknownAttributes.length === 0
    ? pass()
    : fail('attribute', `attribute types ${unknownAttributes.join(', ')}`, {place: {object: 'collection'}})
}

const devicePresent: Check = ({facts}) => {
  const {device, provider} = facts.bundle.manifest
  if (facts.pci.kind === 'malformed') return malformed('pci', facts.pci.error)
  const pci = known(facts.pci)
  if (device.bdf === null || pci === undefined) return fail('no-device', 'no PCI function is named')
  if (pci.bdf !== device.bdf) return fail('other-device', `${pci.bdf}`, {expected: device.bdf, place: {object: 'pci'}})
  return provider.tsm === null ? fail('no-tsm', 'no TSM holds the device') : pass()
}

/** What must be the same before and after, and again at the commit. */
export const STABLE = [
  'bdf',
  'vendor',
  'device',
  'subsystem',
  'class',
  'revision',
  'dsn',
  'headerType',
  'bars',
  'bootId',
  'sriovVfs',
] as const satisfies readonly (keyof PciFacts)[]

/** Bits of the Command register whose clearing moves a locked TDI to ERROR (PCIe r7.0 §11.2). */
const ENABLES = {'memory decoding': mask(1, 1), 'bus mastering': mask(2, 2)}

/** What was on at the first look and is off at the second; an unreadable register is off. */
const switchedOff = (before: PciFacts, after: PciFacts): string[] =>
  Object.entries(ENABLES)
    .filter(([, bit]) => get(bit, Number(before.command ?? 0)) === 1 && get(bit, Number(after.command ?? 0)) === 0)
    .map(([name]) => `${name} was switched off`)

/** Members that differ between two looks at a device, and what was switched off in between. */
export const changes = (before: PciFacts, after: PciFacts): readonly string[] => [
  ...STABLE.filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name])),
  ...switchedOff(before, after),
]

const deviceStable: Check = ({facts}) => {
  const [collection, pci] = [known(facts.collection), known(facts.pci)]
  if (collection === undefined || pci === undefined)
    return fail('unknown', 'nobody recorded the device before and after the reading')
  const changed = changes(collection.before, pci)
  return changed.length === 0 ? pass() : fail('changed', changed.join(', '), {place: {object: 'pci'}})
}

const driverUnbound: Check = ({facts}) => {
  const pci = known(facts.pci)
  if (pci === undefined) return fail('unknown', 'nobody knows which driver')
  return pci.driver === null ? pass() : fail('bound', `driver ${quoted(pci.driver)}`, {place: {object: 'pci'}})
}

const stateLocked: Check = ({facts}) => {
  const {tdiState} = facts.bundle.manifest
  const stated = known(facts.tsm)?.state ?? tdiState
  const wrong = [tdiState, stated].find(state => state !== 'CONFIG_LOCKED')
  return wrong === undefined ? pass() : fail('state', wrong)
}

const nonceUsed: Check = ({facts, circumstances}) => {
  const {nonce, bundleId} = facts.bundle.manifest
  if (nonce === null) return fail('missing', 'there is none')
  const bytes = fromHex(nonce.value)
  if (bytes.length !== NONCE_LENGTH) return fail('length', `${bytes.length} bytes`, {expected: `${NONCE_LENGTH} bytes`})
  if (isZero(bytes)) return fail('zero', 'all zero')
  if (!derivationHolds(nonce)) return fail('derivation', 'it is not what its inputs give')
  if (nonce.derivation === 'external' && circumstances.mode === 'live') return fail('foreign', 'somebody else drew it')
  const {nonces, mode} = circumstances
  if (nonces?.usedBefore(nonce.value, bundleId)) return fail('reused', 'used before')
  // what leads to accept must have been asked by this machine, not only look like it
  if (mode === 'live' && !nonces?.drawnFor(nonce.value, bundleId)) return fail('unknown', 'not drawn on this machine')
  return pass(nonces === undefined ? 'well formed; no ledger to compare with' : undefined)
}

const generationStable: Check = ({facts}) => {
  const generations = known(facts.collection)?.generations ?? null
  const {kind, generation: stated} = facts.bundle.manifest.provider
  const seen = new Set([...(generations ?? []), ...(stated === null ? [] : [stated])])
  if (seen.size === 0)
    return hasGenerations(kind)
      ? fail('missing', 'no generation')
      : skip('na', 'this evidence interface has no generation')
  if (seen.has(0)) return fail('zero', 'generation 0')
  return seen.size === 1 ? pass() : fail('changed', [...seen].join(' -> '))
}

const objectComplete: Check = ({facts}) => {
  const {objects} = facts.bundle
  // only a locked interface has a report; what the host's side has instead are its registers
  const ofSide = isHostSide(facts.bundle) ? 'ide' : 'report'
  const needed = [certificateLabel(facts.slot), 'measurements', ofSide, 'pci'] as const
  const missing: string[] = needed.filter(label => !objects.has(label))
  if (facts.vca.kind === 'absent') missing.push('vca')
  return missing.length === 0 ? pass() : fail('missing', missing.join(', '))
}

/** LENGTH and OFFSET of the report request, and Length of a certificate chain before SPDM 1.4, have 16 bits. */
const SMALL = 64 * 1024
const SPDM_1_4 = 0x14

const objectLimits: Check = ({facts}) => {
  const large = (known(facts.vca)?.version ?? 0) >= SPDM_1_4
  const limitOf = (label: string): number =>
    label === 'report' || (label.startsWith('cert') && !large) ? SMALL : OBJECT_LIMIT
  return failIfAny(
    [...facts.bundle.objects]
      .filter(([label, {length}]) => length > limitOf(label))
      .map(([label, {length}]) => ({
        code: 'size',
        message: `${label} has ${length} bytes, at most ${limitOf(label)} are possible`,
        place: {object: label},
      })),
  )
}

const sourceLive: Check = ({facts, circumstances}) => {
  if (circumstances.mode === 'offline') return skip('na', 'offline: nothing can be accepted on this evidence alone')
  const {provider, redactedFrom} = facts.bundle.manifest
  const {kind} = provider
  if (redactedFrom !== undefined) return fail('redacted', 'a bundle that was redacted')
  return isLiveKind(facts) ? pass() : fail('source', kind === 'none' ? 'no interface' : `a ${kind}`)
}

const bundleIntegrity: Check = ({facts}) =>
  failIfAny(integrityFindings(facts.bundle).map(message => ({code: 'altered', message})))

const timeTrusted: Check = ({facts, circumstances, rule}) => {
  const {now, built, clockTrusted} = circumstances
  const floor = rule.time.floor
  // whoever vouches for it or not: nobody runs this before it was made
  if (now < built) return fail('before-build', now.toISOString(), {expected: `not before ${built.toISOString()}`})
  if (floor !== null && now.getTime() < Date.parse(floor))
    return fail('floor', now.toISOString(), {expected: `not before ${floor}`})
  if (!clockTrusted || facts.bundle.manifest.clock === 'untrusted') return skip('clk', 'nobody vouches for the clock')
  return pass()
}

export const ACQUISITION_CHECKS = {
  'acq.abi.known': abiKnown,
  'acq.device.present': devicePresent,
  'acq.device.stable': deviceStable,
  'acq.driver.unbound': driverUnbound,
  'acq.state.locked': stateLocked,
  'acq.nonce.used': nonceUsed,
  'acq.generation.stable': generationStable,
  'acq.object.complete': objectComplete,
  'acq.object.limits': objectLimits,
  'acq.source.live': sourceLive,
  'acq.bundle.integrity': bundleIntegrity,
  'acq.time.trusted': timeTrusted,
} satisfies Record<string, Check>
