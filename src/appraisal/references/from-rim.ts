/** Reference values in the manifests of NVIDIA: one for the driver, one for the firmware on the board. */
import {quoted} from '../../errors.js'
import type {Rim, RimResource} from '../../vendor/index.js'
import type {DeviceFacts} from './device.js'
import {Refusal} from './outcome.js'
import type {Provenance, Reference} from './types.js'

/** A manifest and where it came from; its signature holds. */
export interface RimSource {
  readonly rim: Rim
  readonly origin: Omit<Provenance, 'tagId' | 'validity'>
}

/** This block is optional: what it measures is compared only where the video decoder is on. */
const DECODER = {edition: 'GPU', block: 36, when: {fact: 'opaque.nvdec0', equals: 'enabled'}} as const

const isZero = (digest: string): boolean => /^0+$/.test(digest)

/** A manifest lists what it approves; a digest of zeros in it is meant as such. */
function referenceOf({block, digests}: RimResource, {rim, origin}: RimSource): Reference {
  const condition = rim.edition === DECODER.edition && block === DECODER.block
  return {
    index: block,
    type: null,
    digests: digests.map(digest => `sha384:${digest}`),
    ...(digests.some(isZero) && {allowZero: true}),
    ...(condition && {when: DECODER.when}),
    provenance: {...origin, tagId: rim.tagId, validity: null},
  }
}

/** Products are written `LS10`, and `LS_10` in the certificates of the same. */
const normal = (product: string): string => product.replaceAll('_', '').toUpperCase()

function requireModel({manufacturer, product}: Rim, {model}: DeviceFacts): void {
  if (model === undefined)
    throw new Refusal('model', 'they are for one model, and nothing verified says that the device is of it')
  if (!manufacturer.startsWith(`${model.vendor} `) && manufacturer !== model.vendor)
    throw new Refusal('model', `they are by ${quoted(manufacturer)}, the device is by ${quoted(model.vendor)}`)
  if (normal(product) !== normal(model.model))
    throw new Refusal('model', `they are for ${quoted(product)}, the device is ${quoted(model.model)}`)
}

/**
 * What the manifests of one device approve together. Each lists every block and says of which it speaks: two that speak
 * of the same one contradict each other. A block of which none speaks may only be empty, if it is there at all, which is
 * what all of them list it as; a manifest that is missing is therefore noticed. Throws Refusal.
 */
export function rimReferences(sources: readonly RimSource[], device: DeviceFacts): readonly Reference[] {
  const active = new Map<number, Reference>()
  for (const source of sources) {
    requireModel(source.rim, device)
    for (const resource of source.rim.resources.filter(item => item.active)) {
      if (active.has(resource.block)) throw new Refusal('conflict', `two manifests are about block ${resource.block}`)
      active.set(resource.block, referenceOf(resource, source))
    }
  }
  if (active.size === 0) throw new Refusal('empty', 'there are no reference values')
  const idle = sources.flatMap(source =>
    source.rim.resources
      .filter(({active: isActive, block, digests}) => !isActive && !active.has(block) && digests.every(isZero))
      .map(resource => ({...referenceOf(resource, source), optional: true as const})),
  )
  return [...active.values(), ...idle]
}
