/**
 * Names of a device inside its certificate: the otherName entries of SubjectAltName that DMTF (DSP0274 1.3 §10.7.1) and
 * PCI-SIG (PCIe r6.x §6.31.3) define, and the DMTF extension that carries further identifiers. Certificate libraries
 * show none of them.
 */
import {childrenOf, contextTag, type Der, expectTag, malformed, readWhole, TAG} from './der.js'
import {oidOf, utf8Of} from './der-values.js'

const DMTF_ARC = '1.3.6.1.4.1.412.274'
export const DMTF_OID = {
  deviceInfo: `${DMTF_ARC}.1`,
  hardwareIdentity: `${DMTF_ARC}.2`,
  responderAuth: `${DMTF_ARC}.3`,
  requesterAuth: `${DMTF_ARC}.4`,
  mutableCertificate: `${DMTF_ARC}.5`,
  extension: `${DMTF_ARC}.6`,
} as const

/** PCI-SIG's component measurement and authentication name. */
export const CMA_NAME_OID = '2.23.147'

export interface OtherName {
  readonly oid: string
  /** Text of the value; undefined when it is not a string, or not of UTF-8. */
  readonly text: string | undefined
}

export interface DeviceInfo {
  readonly text: string
  readonly manufacturer: string
  readonly product: string
  readonly serial: string
}

/** A name that is no text is a wrong name; the other names of the certificate can still be read. */
function textOf(value: Der): string | undefined {
  if (!STRINGS.includes(value.tag)) return undefined
  try {
    return utf8Of(value, SAN)
  } catch {
    return undefined
  }
}

const STRINGS: readonly number[] = [TAG.UTF8_STRING, TAG.PRINTABLE_STRING, TAG.IA5_STRING]
const SAN = 'SubjectAltName'

function otherNameOf(name: Der): OtherName {
  const [type, wrapper, ...others] = childrenOf(name, SAN)
  const values = childrenOf(expectTag(wrapper, contextTag(0, true), SAN), SAN)
  const [value] = values
  if (others.length > 0 || values.length !== 1)
    throw malformed(SAN, name.at, 'one value in otherName', 'another number')
  return {oid: oidOf(type, SAN), text: textOf(value!)}
}

/** Every otherName of a SubjectAltName extension value. Throws DecodeError. */
export function otherNamesOf(value: Uint8Array): OtherName[] {
  const names = childrenOf(expectTag(readWhole(value, SAN), TAG.SEQUENCE, SAN), SAN)
  return names.filter(({tag}) => tag === contextTag(0, true)).map(otherNameOf)
}

/** `manufacturer:product:serial`, or undefined for any other text. */
export function deviceInfoOf(text: string): DeviceInfo | undefined {
  const [manufacturer, product, serial, ...others] = text.split(':')
  return manufacturer && product && serial && others.length === 0 ? {text, manufacturer, product, serial} : undefined
}

/** Identifiers inside the DMTF extension: a sequence of sequences that start with an identifier. Throws DecodeError. */
export function dmtfExtensionOids(value: Uint8Array): string[] {
  const what = 'DMTF SPDM extension'
  return childrenOf(expectTag(readWhole(value, what), TAG.SEQUENCE, what), what).map(entry =>
    oidOf(childrenOf(expectTag(entry, TAG.SEQUENCE, what), what)[0], what),
  )
}
