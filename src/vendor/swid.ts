/**
 * Reference integrity manifests of NVIDIA: SWID tags (ISO/IEC 19770-2:2015) whose payload lists one resource per
 * measurement, with one or several digests that are approved (TCG Reference Integrity Manifest Information Model 1.01).
 */
import {DecodeError} from '../bits/index.js'
import {type Element, namespaceOf, within} from './xml.js'
import {readSignedXml, type SignedDocument} from './xml-signature.js'

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd'
const HASH = 'http://www.w3.org/2001/04/xmlenc#sha384'
const DIGITS = 96
/** Indices of SPDM count from 1, those of the manifests from 0. */
const FIRST_BLOCK = 1
const LAST_INDEX = 0xfd

export interface RimResource {
  /** Index of the measurement block. */
  readonly block: number
  /** Only active ones are to be compared. */
  readonly active: boolean
  /** SHA-384, lower-case hexadecimal: any of them is approved. */
  readonly digests: readonly string[]
}

export interface Rim {
  readonly signed: SignedDocument
  readonly tagId: string
  /** Product, `GH100`. */
  readonly product: string
  /** `GPU` or `SWITCH`. */
  readonly edition: string
  readonly manufacturer: string
  /** Version of the firmware it is about. */
  readonly version: string
  readonly resources: readonly RimResource[]
}

const wrong = (path: string, {offset}: Element, expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'RIM', path, offset, expected, got})

type Namespaces = ReadonlyMap<string, string>

function childrenNamed(parent: Element, inForce: Namespaces, local: string): readonly Element[] {
  return parent.children.filter(
    (child): child is Element =>
      typeof child !== 'string' &&
      child.name.slice(child.name.indexOf(':') + 1) === local &&
      namespaceOf(child.name, within(inForce, child)) === SWID,
  )
}

function only(parent: Element, inForce: Namespaces, local: string): Element {
  const [found, ...others] = childrenNamed(parent, inForce, local)
  if (found === undefined || others.length > 0) throw wrong(local, parent, `one ${local}`, found ? 'several' : 'none')
  return found
}

function attribute(element: Element, name: string, form = /^.+$/): string {
  const value = element.attributes.get(name)
  if (value === undefined || !form.test(value)) throw wrong(name, element, `an attribute ${name}`, value ?? 'none')
  return value
}

const FLAGS: Readonly<Record<string, boolean>> = {true: true, false: false}

function resourceOf(element: Element, outer: Namespaces): RimResource {
  const inForce = within(outer, element)
  if (attribute(element, 'type') !== 'Measurement') throw wrong('type', element, 'Measurement', 'another type')
  const index = Number(attribute(element, 'index', /^\d{1,3}$/))
  if (index > LAST_INDEX) throw wrong('index', element, `at most ${LAST_INDEX}`, String(index))
  const active = FLAGS[attribute(element, 'active').toLowerCase()]
  if (active === undefined) throw wrong('active', element, 'True or False', 'another value')
  attribute(element, 'size', /^48$/)
  const alternatives = Number(attribute(element, 'alternatives', /^\d{1,2}$/))
  const hashes = [...element.attributes].filter(([name]) => name.includes(':'))
  const digests = Array.from({length: alternatives}, (_, i) => {
    const [, digest] = hashes.find(([name]) => name.endsWith(`:Hash${i}`) && namespaceOf(name, inForce) === HASH) ?? []
    if (digest?.length !== DIGITS || !/^[0-9a-fA-F]+$/.test(digest))
      throw wrong(`Hash${i}`, element, `a digest of ${DIGITS} digits`, digest ?? 'none')
    return digest.toLowerCase()
  })
  if (digests.length === 0 || hashes.length !== digests.length)
    throw wrong('alternatives', element, `${hashes.length} alternatives`, String(alternatives))
  return {block: index + FIRST_BLOCK, active, digests}
}

/** Facts of a manifest, all from what was signed. Throws DecodeError; whether the signature holds is for `signed`. */
export function readRim(bytes: Uint8Array): Rim {
  const signed = readSignedXml(bytes)
  const {root} = signed
  const inForce = root.namespaces
  if (namespaceOf(root.name, inForce) !== SWID || !root.name.endsWith('SoftwareIdentity'))
    throw wrong('', root, 'a SoftwareIdentity', root.name)
  const meta = only(root, inForce, 'Meta')
  const payload = only(root, inForce, 'Payload')
  const inPayload = within(inForce, payload)
  const resources = childrenNamed(payload, inPayload, 'Resource').map(item => resourceOf(item, inPayload))
  if (payload.children.filter(child => typeof child !== 'string').length !== resources.length)
    throw wrong('Payload', payload, 'only resources', 'something else')
  if (new Set(resources.map(({block}) => block)).size !== resources.length)
    throw wrong('Payload', payload, 'every index once', 'one twice')
  const ofMeta = (local: string): string => {
    const found = [...meta.attributes].filter(([name]) => name.slice(name.indexOf(':') + 1) === local)
    if (found.length !== 1) throw wrong(local, meta, `one attribute ${local}`, String(found.length))
    return found[0]![1]
  }
  return {
    signed,
    tagId: attribute(root, 'tagId'),
    product: ofMeta('product'),
    edition: ofMeta('edition'),
    manufacturer: ofMeta('FirmwareManufacturer'),
    version: ofMeta('colloquialVersion'),
    resources,
  }
}
