/** Which mailboxes a function has, and what each of them takes. PCIe r6.2 §6.30.1.1, §7.9.24. */
import {hex} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import type {Bdf} from './bdf.js'
import type {DoeFeature} from './doe-features.js'
import {DOE_DISCOVERY_REQUEST, DOE_DISCOVERY_RESPONSE} from './doe-layouts.js'
import {type DoeExchangeOptions, DoeInstance} from './doe-mailbox.js'
import {deviceDirectory} from './functions.js'
import {readConfig} from './inspect.js'
import {thenKnown} from '../known.js'

export const DOE_DISCOVERY: DoeFeature = {vendor: 0x0001, type: 0x00}

/** Vendor ID of an entry that does not exist. */
const NO_ENTRY = 0xffff
/** Capability version from which on a requester asks with discovery version 2. */
const SECOND = 2
/** An entry, and what later versions add to it. */
const LARGEST = 64

/**
 * Every DOE instance of a function, none of them touched. Throws TsmctlError: `not-permitted` when too little of
 * configuration space can be read, `not-found` when the function no longer answers.
 */
export function doeInstances(kernel: Kernel, bdf: Bdf): readonly DoeInstance[] {
  const {config} = readConfig(kernel, deviceDirectory(bdf))
  const found = thenKnown(config, space => space.doe)
  if (found.known) return found.value.map(place => new DoeInstance(kernel, bdf, place))
  throw new TsmctlError({
    kind: config.known && config.value.gone ? 'not-found' : 'not-permitted',
    attempted: `find the DOE mailboxes of ${bdf}`,
    subject: bdf,
    got: found.reason,
    hint: 'Run as root: without CAP_SYS_ADMIN only the header of configuration space can be read.',
  })
}

/**
 * Asks a mailbox for everything it takes, discovery itself included. Throws as `exchange` does, and TsmctlError
 * `malformed` for a list that runs in circles.
 */
export async function discoverFeatures(
  instance: DoeInstance,
  options: Pick<DoeExchangeOptions, 'timeout' | 'signal'> = {},
): Promise<readonly DoeFeature[]> {
  const version = instance.version >= SECOND ? SECOND : 0
  const malformed = (got: string): TsmctlError =>
    new TsmctlError({
      kind: 'malformed',
      attempted: `ask ${instance.name} what it takes`,
      subject: instance.bdf,
      got,
      hint: 'The device breaks the rules of PCIe r6.2 §6.30.1.1; its firmware may need an update.',
    })
  const features: DoeFeature[] = []
  const asked = new Set<number>()
  let index = 0
  do {
    // an index is a byte and none is asked twice: the walk ends
    asked.add(index)
    // each answer names the next question
    // oxlint-disable-next-line no-await-in-loop
    const {payload} = await instance.exchange(
      {...DOE_DISCOVERY, payload: DOE_DISCOVERY_REQUEST.encode({index, version})},
      {...options, largest: LARGEST},
    )
    if (payload.length < DOE_DISCOVERY_RESPONSE.headSize) throw malformed(`entry ${index} is empty`)
    const {vendorId, type, nextIndex} = DOE_DISCOVERY_RESPONSE.decode(
      payload.subarray(0, DOE_DISCOVERY_RESPONSE.headSize),
    )
    if (vendorId === NO_ENTRY) break
    features.push({vendor: vendorId, type})
    if (nextIndex !== 0 && asked.has(nextIndex)) throw malformed(`its list leads back to entry ${hex(nextIndex, 2)}`)
    index = nextIndex
  } while (index !== 0)
  return features
}
