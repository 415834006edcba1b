/** `reference import`: values of manifests as values of a policy, after the same checks a rule would make. */
import {type DeviceFacts, type Reference, referencesIn} from '../../appraisal/index.js'
import {printable, TsmctlError} from '../../errors.js'
import {named} from '../../evidence/index.js'
import {BUILT} from '../built.js'
import {merged, type PolicyValue, valuesYaml} from './values-yaml.js'

export interface ImportOptions {
  readonly files: readonly {readonly name: string; readonly bytes: Uint8Array}[]
  /** Certificate the signatures must lead to, with the name of its file; undefined takes them from anybody. */
  readonly signer: {readonly name: string; readonly bytes: Uint8Array} | undefined
  /** `vendor:model`, where the manifests are for one. */
  readonly model: string | undefined
  readonly now: Date
}

export interface Imported {
  readonly files: readonly {readonly file: string; readonly sha384: string}[]
  readonly signer: string | null
  readonly values: readonly PolicyValue[]
  readonly yaml: string
}

function deviceNamed(model: string | undefined): DeviceFacts {
  const [vendor, product, ...others] = (model ?? '').split(':')
  if (model !== undefined && (!vendor || !product || others.length > 0))
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'find the values of a model',
      got: `"${printable(model)}" is not vendor:model`,
      hint: 'As in the certificate of the device, for example --model NVIDIA:GH100.',
    })
  return {model: vendor && product ? {vendor, model: product} : undefined, certificates: new Set(), layers: []}
}

/** Manifests name no types: digests are taken for those of firmware, other values for its configuration. */
const typeOf = ({type, digests}: Reference): string => type ?? (digests === undefined ? 'fw-config' : 'firmware')

/** Throws TsmctlError for manifests that a rule could not use. */
export async function importReferences({files, signer, model, now}: ImportOptions): Promise<Imported> {
  const moment = {now, built: BUILT, floor: undefined, mode: 'device'} as const
  const {values} = await referencesIn(files, signer?.bytes, deviceNamed(model), moment)
  const found = merged(values, typeOf)
  const sources = files.map(({name, bytes}) => ({file: printable(name, 200), sha384: named(bytes)}))
  const untyped = values.filter(({type}) => type === null).length
  const notes = [
    ...sources.map(({file, sha384}) => `Taken from ${file}, ${sha384}`),
    signer === undefined
      ? 'NOBODY VOUCHES FOR THESE VALUES BUT YOU: no signature was checked.'
      : `signed by whoever ${printable(signer.name, 200)} certifies, checked ${now.toISOString()}.`,
    ...(values.some(({optional}) => optional)
      ? ['Lines that begin with # are of blocks that must be empty: take the # away where the device has them.']
      : []),
    ...(untyped > 0
      ? [`${untyped} of them come without a type: compare the types below with those of the device.`]
      : []),
  ]
  return {
    files: sources,
    signer: signer === undefined ? null : printable(signer.name, 200),
    values: found,
    yaml: valuesYaml(found, notes),
  }
}
