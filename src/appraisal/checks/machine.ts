/** Config space, kernel and policy around the evidence. */
import {get, mask} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import type {AddressRange, BarFacts} from '../../evidence/index.js'
import {HOLD} from '../../tsm/index.js'
import {known} from '../facts.js'
import {isHostSide} from '../host-side.js'
import {findingLine} from '../policy/index.js'
import type {Check} from './context.js'
import {fail, failIfAny, malformed, pass, skip} from './verdict.js'

const isMemory = ({kind}: BarFacts): boolean => kind === 'memory32' || kind === 'memory64'

interface Window {
  readonly bar: BarFacts
  readonly start: bigint
  readonly size: bigint
}

const SMALLEST = 16n

function barProblem({bar, start, size}: Window): string | undefined {
  const name = `BAR${bar.index}`
  if (size < SMALLEST || (size & (size - 1n)) !== 0n) return `${name} has size ${bar.size}, no power of two`
  if (start === 0n) return `${name} has no address`
  return start % size === 0n ? undefined : `${name} at ${bar.address} is not aligned to its size`
}

/** What the processor would find there is memory, not the device: the TSM would map one for the other. */
const inRam = (windows: readonly Window[], ram: readonly AddressRange[]) =>
  windows
    .filter(({start, size}) => ram.some(({first, last}) => start <= BigInt(last) && BigInt(first) < start + size))
    .map(({bar}) => ({code: 'ram', message: `BAR${bar.index} at ${bar.address} lies in RAM`}))

const barSane: Check = ({facts: {pci, collection}}) => {
  if (pci.kind === 'malformed') return malformed('pci', pci.error)
  if (pci.kind !== 'decoded') return fail('unknown', 'nobody recorded them')
  const {bars} = pci.value
  const windows: Window[] = bars
    .filter(isMemory)
    .map(bar => ({bar, start: BigInt(bar.address), size: BigInt(bar.size)}))
  const twice = bars.filter(({index}, i) => bars.findIndex(bar => bar.index === index) !== i)
  return failIfAny([
    ...inRam(windows, known(collection)?.systemRam ?? []),
    ...twice.map(({index}) => ({code: 'twice', message: `BAR${index} is listed twice`})),
    ...windows.flatMap(window => {
      const message = barProblem(window)
      return message === undefined ? [] : [{code: 'shape', message}]
    }),
    ...windows.flatMap((a, i) =>
      windows
        .slice(i + 1)
        .filter(b => a.start < b.start + b.size && b.start < a.start + a.size)
        .map(b => ({code: 'overlap', message: `BAR${a.bar.index} and BAR${b.bar.index} overlap`})),
    ),
  ])
}

/** Memory Space Enable and Bus Master Enable of the Command register (PCIe r6.2 §7.5.1.1.3). */
const MSE = mask(1, 1)
const BME = mask(2, 2)

/**
 * A driver that is unbound switches bus mastering off, and on when it is bound again: what breaks a lock is switching it
 * off. Without memory decoding the TSM cannot map what the report says.
 */
const command: Check = ({facts}) => {
  const value = (known(facts.collection)?.before ?? known(facts.pci))?.command ?? null
  if (value === null) return fail('unknown', 'not known')
  const word = Number(value)
  if (get(MSE, word) === 0) return fail('off', `memory space is off (${value})`)
  return pass(get(BME, word) === 0 ? `${value}: bus mastering is off until the driver is bound` : value)
}

const siblings: Check = ({facts}) => {
  const pci = known(facts.pci)
  if (pci === undefined) return fail('unknown', 'nobody recorded the other functions')
  return failIfAny(
    pci.siblings
      .filter(({driver}) => driver !== null)
      .map(({bdf, driver}) => ({code: 'bound', message: `${bdf}, driver ${quoted(driver!)}`})),
  )
}

/** A reset of the physical function, or another number of virtual ones, moves TDIs to ERROR (PCIe r7.0 §11.4.9). */
const sriovStable: Check = ({facts}) => {
  const {collection, pci} = facts
  if (!isHostSide(facts.bundle)) return skip('kern', 'only the host sees the VF set')
  if (collection.kind === 'malformed') return malformed('collection', collection.error)
  const sriov = known(collection)?.sriov
  if (sriov === undefined)
    return known(pci)?.sriovVfs === null
      ? skip('na', 'the device has no virtual functions')
      : skip('kern', 'nobody recorded the VF set')
  const {physicalFunction, atConnect, now} = sriov
  if (atConnect === null) return skip('kern', 'nobody recorded the VF set at the connect')
  return now === atConnect
    ? pass(`${now} VFs`)
    : fail(
        'changed',
        `${physicalFunction} has ${now ?? 'an unknown number of'} VFs, at the connect it had ${atConnect}`,
        {
          place: {object: 'collection'},
        },
      )
}

const autoprobe: Check = ({facts}) => {
  const collection = known(facts.collection)
  if (collection === undefined) return fail('unknown', 'nobody recorded driver_override')
  const {driverOverride, driversAutoprobe} = collection
  if (driverOverride === HOLD || driversAutoprobe === false) return pass()
  return fail(
    'open',
    driverOverride === null ? 'driver_override is empty' : `driver_override ${quoted(driverOverride)}`,
  )
}

const policyIntegrity: Check = ({policy, circumstances}) => {
  if (policy === undefined) return fail('none', 'there is none')
  const [first, ...others] = policy.findings
  if (first !== undefined)
    return fail('finding', `${findingLine(first)}${others.length === 0 ? '' : `, and ${others.length} more`}`)
  const {notAfter} = policy.document
  if (notAfter !== undefined && circumstances.now.getTime() > Date.parse(notAfter))
    return fail('expired', `it was valid until ${notAfter}`)
  return pass(`policy ${quoted(policy.name)}`)
}

const policySelector: Check = ({candidates}) => {
  const [only] = candidates
  if (candidates.length === 1) return pass(`rule ${only!.id}`)
  return candidates.length === 0
    ? fail('none', '0 rules match')
    : fail('several', `${candidates.length} rules match: ${candidates.map(({id}) => id).join(', ')}`)
}

const policyAge: Check = ({facts, circumstances, rule}) => {
  const {now, ageSeconds, sinceDecision = 0} = circumstances
  const wall = (now.getTime() - Date.parse(facts.bundle.manifest.collectedAt)) / 1000
  // a clock that was set back does not make evidence younger
  if (wall < 0) return fail('future', 'it was collected in the future', {expected: `${rule.maxEvidenceAgeSeconds} s`})
  // a person who reads has a window of their own, which begins with the decision
  const age = Math.max(0, Math.ceil(Math.max(wall, ageSeconds ?? 0) - sinceDecision))
  const limit = rule.maxEvidenceAgeSeconds
  return age <= limit ? pass(`${age} s`) : fail('old', `${age} s`, {expected: `${limit} s`})
}

/** Modes of lockdown that keep even root from memory and registers (kernel_lockdown(7)). */
const LOCKED_DOWN = ['integrity', 'confidentiality']

const lockdown: Check = ({facts: {collection}}) => {
  if (collection.kind === 'malformed') return malformed('collection', collection.error)
  const {lockdown: mode = null, devMem} = known(collection) ?? {}
  if (mode === null) return skip('kern', 'the kernel does not tell whether it is locked down')
  if (LOCKED_DOWN.includes(mode)) return pass(`lockdown ${mode}`)
  return fail('open', `lockdown ${quoted(mode)}${devMem === true ? ', and there is /dev/mem' : ''}`, {
    expected: LOCKED_DOWN.join(' or '),
    place: {object: 'collection'},
  })
}

/** Bounce buffers are forced per platform and device inside the kernel; no file shows it of one device. */
const swiotlb: Check = () => skip('kern', 'the kernel does not tell which buffers an unaccepted device can reach')

export const MACHINE_CHECKS = {
  'pci.bar.sane': barSane,
  'pci.command': command,
  'pci.sriov.stable': sriovStable,
  'pci.siblings': siblings,
  'pci.link': () => skip('na', 'no link speed or width is enrolled'),
  'kernel.autoprobe': autoprobe,
  'kernel.swiotlb': swiotlb,
  'kernel.lockdown': lockdown,
  'policy.integrity': policyIntegrity,
  'policy.selector': policySelector,
  'policy.age': policyAge,
} satisfies Record<string, Check>
