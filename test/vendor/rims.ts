/** Manifests of reference values as NVIDIA writes them, made to measure and signed with keys of our own. */
import {createHash, type KeyObject, sign} from 'node:crypto'
import {canonical, type Element, readXml, within} from '../../src/vendor/xml.js'

const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
export const ALGORITHMS = {
  c14n: 'http://www.w3.org/2006/12/xml-c14n11',
  signature: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384',
  digest: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
  enveloped: `${DSIG}enveloped-signature`,
}

export const digestText = (n: number): string => n.toString(16).padStart(2, '0').repeat(48)

/** One resource, `hashes` its digests. */
export const resource = (index: number, active: boolean, ...hashes: readonly string[]): string =>
  `<ns0:Resource type="Measurement" index="${index}" active="${active ? 'True' : 'False'}" alternatives="${hashes.length}"` +
  `${hashes.map((hash, i) => ` ns2:Hash${i}="${hash}"`).join('')} name="Measurement_${index}" size="48"/>`

export interface RimSpec {
  readonly resources?: readonly string[]
  readonly product?: string
  readonly edition?: string
}

/** The document without a signature. */
export const document = ({
  resources = [resource(0, true, digestText(1)), resource(1, false, digestText(0))],
  product = 'WIDGET',
  edition = 'GPU',
}: RimSpec = {}): string =>
  '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" ' +
  'xmlns:ns0="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384" ' +
  `name="${product}" tagId="rim-1" version="1.0">\n  <ns0:Meta xmlns:ns1="urn:rim" colloquialVersion="1.0" ` +
  `edition="${edition}" product="${product}" ns1:FirmwareManufacturer="ACME"/>\n  <ns0:Payload>${resources.join('\n')}` +
  '</ns0:Payload>\n</SoftwareIdentity>'

export interface SignatureSpec {
  readonly key: KeyObject
  /** DER, signer first. */
  readonly certificates?: readonly Uint8Array[]
  readonly algorithms?: Partial<typeof ALGORITHMS>
  /** Attributes of the reference; the whole document unless given. */
  readonly reference?: string
  /** Instead of one reference. */
  readonly references?: (one: string) => string
  /** Instead of both transforms. */
  readonly transforms?: string
  /** Text behind the reference, inside SignedInfo. */
  readonly more?: string
}

const elementOf = (text: string): Element => readXml(Buffer.from(text, 'latin1'))
const embed = (text: string, signature: string): string =>
  text.replace('</SoftwareIdentity>', `${signature}</SoftwareIdentity>`)

/** `text` with a signature at the end of its document element. */
export function signedXml(text: string, spec: SignatureSpec): Uint8Array {
  const {c14n, signature, digest, enveloped} = {...ALGORITHMS, ...spec.algorithms}
  const value = createHash('sha384')
    .update(canonical(elementOf(text)), 'latin1')
    .digest('base64')
  const transforms = spec.transforms ?? `<ds:Transform Algorithm="${enveloped}"/><ds:Transform Algorithm="${c14n}"/>`
  const one =
    `<ds:Reference ${spec.reference ?? 'URI=""'}><ds:Transforms>${transforms}</ds:Transforms>` +
    `<ds:DigestMethod Algorithm="${digest}"/><ds:DigestValue>${value}</ds:DigestValue></ds:Reference>`
  const info =
    `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="${c14n}"/><ds:SignatureMethod Algorithm="${signature}"/>` +
    `${spec.references?.(one) ?? one}${spec.more ?? ''}</ds:SignedInfo>`
  const whole = (mark: string): string =>
    embed(
      text,
      `<ds:Signature xmlns:ds="${DSIG}">${info}<ds:SignatureValue>${mark}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>` +
        `${(spec.certificates ?? [new Uint8Array(3)]).map(der => `<ds:X509Certificate>${Buffer.from(der).toString('base64')}</ds:X509Certificate>`).join('')}` +
        '</ds:X509Data></ds:KeyInfo></ds:Signature>',
    )
  const root = elementOf(whole('AAAA'))
  const last = root.children.at(-1) as Element
  const inForce = within(root.namespaces, last)
  const toBeSigned = Buffer.from(canonical(last.children[0] as Element, inForce), 'latin1')
  return Buffer.from(
    whole(sign('sha384', toBeSigned, {key: spec.key, dsaEncoding: 'ieee-p1363'}).toString('base64')),
    'latin1',
  )
}
