/** Extensions of certificates, revocation lists and OCSP responses, as encoded (RFC 5280 §4.2). */
import {equal} from '../../bits/index.js'
import {childrenOf, contentOf, type Der, encodingOf, expectTag, malformed, onlyChildOf, TAG} from './der.js'
import {oidOf} from './der-values.js'

export interface RawExtension {
  readonly oid: string
  readonly critical: boolean
  /** The extension as encoded, and the content of its OCTET STRING. */
  readonly raw: Uint8Array
  readonly value: Uint8Array
}

const TRUE = 0xff

function rawExtension(element: Der, what: string): RawExtension {
  const [type, second, third, ...others] = childrenOf(expectTag(element, TAG.SEQUENCE, what), what)
  const critical = second?.tag === TAG.BOOLEAN
  if (critical && !equal(contentOf(second), Uint8Array.of(TRUE)))
    throw malformed(what, second.at, 'TRUE, or nothing for FALSE', 'another value')
  if (others.length > 0 || (third !== undefined && !critical)) throw malformed(what, element.at, 'one value', 'more')
  const value = contentOf(expectTag(critical ? third : second, TAG.OCTET_STRING, what))
  return {oid: oidOf(type, what), critical, raw: encodingOf(element), value}
}

/** Extensions of a list; none where there is no list. */
export const extensionList = (list: Der | undefined, what: string): RawExtension[] =>
  list === undefined
    ? []
    : childrenOf(expectTag(list, TAG.SEQUENCE, what), what).map(element => rawExtension(element, what))

/** Extensions of a list inside an explicit tag. */
export const extensionsOf = (field: Der | undefined, what: string): RawExtension[] =>
  field === undefined ? [] : extensionList(onlyChildOf(field, what), what)

/** Identifiers of critical extensions that are not among `interpreted`. */
export const criticalBesides = (all: readonly RawExtension[], interpreted: readonly string[]): string[] =>
  all.flatMap(({oid, critical}) => (critical && !interpreted.includes(oid) ? [oid] : []))

/** Identifiers that occur more than once, which RFC 5280 §4.2 forbids. */
export function repeatedOids(all: readonly RawExtension[]): string[] {
  const oids = all.map(({oid}) => oid)
  return [...new Set(oids.filter((oid, i) => oids.indexOf(oid) !== i))]
}
