/** Reference values in a signed CoRIM: which of its triples are about this device, and what they approve. */
import {toHex} from '../../bits/index.js'
import {
  type Comid,
  type Corim,
  type Digest,
  type Environment,
  loadCorimReader,
  type Measurement,
  type MeasurementValues,
  type ReferenceTriple,
} from '../../corim/index.js'
import {printable, quoted} from '../../errors.js'
import type {TcbInfo} from '../../spdm/index.js'
import {type DeviceFacts, type Moment, outOfTime} from './device.js'
import {Refusal} from './outcome.js'
import type {Signature} from './signer.js'
import type {FirmwareReference, Provenance, Reference, UsableReferences} from './types.js'

const LAST_INDEX = 0xfe

/** Nothing may be left over that says more than we looked at. */
function requireUnderstood(remarks: readonly string[]): void {
  const [first, ...others] = remarks
  if (first === undefined) return
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  throw new Refusal('not-understood', `${printable(first, 160)}${more}`)
}

/** Digests in one measurement are of one content by several functions: which of two would hold is nobody's guess. */
function digestNames(digests: readonly Digest[]): readonly string[] {
  const functions = new Set(digests.map(({algorithm}) => algorithm))
  if (functions.size !== digests.length) throw new Refusal('ambiguous', 'two digests of one value by one function')
  return digests.map(({algorithm, value}) => `${algorithm}:${toHex(value)}`)
}

type Values = Omit<Reference, 'index' | 'provenance'>

function rawOf({'raw-value': raw, 'raw-value-mask': outer}: MeasurementValues): Values {
  const {value, mask: own} = raw!
  const mask = own ?? outer
  if (own !== undefined && outer !== undefined) throw new Refusal('ambiguous', 'a raw value with two masks')
  if (mask !== undefined && mask.length !== value.length)
    throw new Refusal('mask', 'mask and raw value differ in length')
  if (mask?.every(byte => byte === 0)) throw new Refusal('mask', 'a mask of zeros approves any value')
  return {type: null, raw: [toHex(value)], ...(mask && {mask: toHex(mask)})}
}

/** Registers are the blocks of extended digests, by their index. */
function registersOf(key: number | undefined, {'integrity-registers': registers = []}: MeasurementValues): Indexed[] {
  return registers.map(({id, digests}) => {
    if (typeof id !== 'number' || (key !== undefined && key !== id))
      throw new Refusal('not-understood', 'an integrity register that is not the index of a measurement')
    return {index: id, values: {type: 'hash-extend', digests: [...digestNames(digests)]}}
  })
}

interface Indexed {
  readonly index: number
  readonly values: Values
}

/** What one measurement approves. Exactly one kind of value: two could not both be in one block. */
function approvals({mkey, mval}: Measurement): readonly Indexed[] {
  const {svn, digests} = mval
  const registers = registersOf(mkey, mval)
  const one: Values[] = [
    ...(digests ? [{type: null, digests: [...digestNames(digests)]}] : []),
    ...(mval['raw-value'] ? [rawOf(mval)] : []),
    ...(svn ? [{type: 'svn' as const, svn: {min: svn.value, ...(svn.kind === 'exact' && {max: svn.value})}}] : []),
  ]
  if (one.length + Math.min(registers.length, 1) !== 1)
    throw new Refusal(
      'not-understood',
      `a measurement with ${one.length === 0 ? 'no value' : 'several kinds of values'}`,
    )
  if (one.length > 0 && mkey === undefined) throw new Refusal('not-understood', 'a measurement without an index')
  const found = registers.length > 0 ? registers : [{index: mkey!, values: one[0]!}]
  for (const {index} of found)
    if (index === 0 || index > LAST_INDEX) throw new Refusal('index', `${index} is not the index of a measurement`)
  return found
}

const differs = (stated: unknown, actual: unknown): boolean => stated !== undefined && stated !== actual

/** Is the environment that of the device? Only what it states is compared. */
function isAbout({class: kind}: Environment, {model}: DeviceFacts): boolean {
  if (kind?.vendor === undefined && kind?.model === undefined) return true
  if (model === undefined)
    throw new Refusal('model', 'they are for one model, and nothing verified says that the device is of it')
  return !differs(kind.vendor, model.vendor) && !differs(kind.model, model.model)
}

/** The layers of the device a triple about firmware means. */
const layersMeant = ({class: kind}: Environment, {layers}: DeviceFacts): readonly TcbInfo[] =>
  layers.filter(
    ({vendor, model, layer, index}) =>
      layer === kind?.layer &&
      !differs(kind?.index, index ?? 0) &&
      !differs(kind?.vendor, vendor) &&
      !differs(kind?.model, model),
  )

function versionFits({svn}: MeasurementValues, info: TcbInfo): boolean {
  if (svn === undefined) return true
  if (info.svn === undefined) return false
  return svn.kind === 'exact' ? info.svn === BigInt(svn.value) : info.svn >= BigInt(svn.value)
}

/** Firmware of DICE layers: each measurement approves firmware ids, where a security version is stated of that version. */
function firmwareOf(triple: ReferenceTriple, device: DeviceFacts, provenance: Provenance): FirmwareReference[] {
  const layers = layersMeant(triple.environment, device)
  if (layers.length === 0) return []
  requireUnderstood(triple.remarks)
  return triple.measurements.flatMap(({mkey, mval}) => {
    const {digests, 'integrity-registers': registers} = mval
    if (mkey !== undefined || digests === undefined || mval['raw-value'])
      throw new Refusal('not-understood', 'firmware of a layer that is not given by its digests')
    return layers
      .filter(info => versionFits(mval, info))
      .map(({layer, index}) => ({
        layer: layer ?? null,
        index: index ?? null,
        digests: digestNames(digests),
        ...(registers && {registers: true}),
        provenance,
      }))
  })
}

/** A tag that says which certificates its devices have is about no others. */
function requireIdentity({identities}: Comid, device: DeviceFacts): void {
  for (const triple of identities) {
    if (!isAbout(triple.environment, device)) continue
    requireUnderstood(triple.remarks)
    const stated = triple.thumbprints.filter(({algorithm}) => algorithm === 'sha384')
    if (stated.length !== triple.thumbprints.length)
      throw new Refusal('not-understood', 'a thumbprint of a certificate that is not SHA-384')
    if (!stated.some(({value}) => device.certificates.has(toHex(value))))
      throw new Refusal('identity', 'they are for devices with another certificate')
  }
}

function valuesOf(tag: Comid, device: DeviceFacts, provenance: Provenance): Omit<UsableReferences, 'status'> {
  requireUnderstood(tag.remarks)
  requireIdentity(tag, device)
  const values: Reference[] = []
  const firmware: FirmwareReference[] = []
  for (const triple of tag.references) {
    if (triple.environment.class?.layer !== undefined) firmware.push(...firmwareOf(triple, device, provenance))
    else if (isAbout(triple.environment, device)) {
      requireUnderstood(triple.remarks)
      if (triple.environment.class?.index !== undefined)
        throw new Refusal('not-understood', 'values of one of several parts that are no layer')
      const found = triple.measurements.flatMap(approvals)
      values.push(...found.map(({index, values: one}) => ({...one, index, provenance})))
    }
  }
  return {values, firmware}
}

export interface CorimSource {
  readonly facts: Corim
  readonly signature: Signature
}

/** A CoRIM with the signature that must hold before anything in it counts. Throws Refusal, DecodeError. */
export async function openCorim(bytes: Uint8Array): Promise<CorimSource> {
  const {readCorim} = await loadCorimReader()
  const facts = readCorim(bytes)
  if (facts.signed === null) throw new Refusal('unsigned', 'nobody signed it')
  const {x5chain, signedBy} = facts.signed
  return {facts, signature: {certificates: x5chain, signedBy}}
}

/** What a CoRIM whose signature holds approves on this device. Throws Refusal. */
export function corimReferences(
  {signed, validity, tags, remarks}: Corim,
  device: DeviceFacts,
  moment: Moment,
  origin: Omit<Provenance, 'tagId' | 'validity'>,
): Omit<UsableReferences, 'status'> {
  for (const period of [signed?.validity, validity]) {
    const problem = period && outOfTime(moment, period)
    if (problem) throw new Refusal('validity', problem)
  }
  requireUnderstood(remarks)
  if (tags.every(({references}) => references.length === 0)) throw new Refusal('empty', 'there are no reference values')
  const found = tags.map(tag =>
    valuesOf(tag, device, {...origin, tagId: tag.tagId, validity: validity ?? signed?.validity ?? null}),
  )
  const [values, firmware] = [found.flatMap(part => part.values), found.flatMap(part => part.firmware)]
  if (values.length + firmware.length === 0) {
    const {model} = device
    throw new Refusal('model', `there are none for ${model ? quoted(`${model.vendor}:${model.model}`) : 'this device'}`)
  }
  return {values, firmware}
}
