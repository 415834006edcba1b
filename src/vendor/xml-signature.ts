/**
 * An XML signature (XML Signature Syntax and Processing 1.1) of one form only: the document element ends in one
 * Signature, which signs the whole document without itself. Everything the form allows to vary (references, transforms,
 * algorithms, keys) is fixed here, and nothing is looked up by an identifier. What a caller reads afterwards is the text
 * that was digested, read again: there is no second way to see the document.
 */
import {createHash, createPublicKey, type KeyObject, verify} from 'node:crypto'
import {DecodeError, equal} from '../bits/index.js'
import {canonical, type Element, namespaceOf, readXml, within} from './xml.js'

const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
const CANONICAL = 'http://www.w3.org/2006/12/xml-c14n11'
const ENVELOPED = `${DSIG}enveloped-signature`
const ECDSA_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384'
const DIGEST_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#sha384'
const P384_SIGNATURE_SIZE = 96

export interface SignedDocument {
  /** Root element of what was signed: the document without its signature. */
  readonly root: Element
  /** Certificates that came along, signer first, DER. */
  readonly certificates: readonly Uint8Array[]
  /** Did the private key of `spki` (DER) sign the document? */
  readonly signedBy: (spki: Uint8Array) => boolean
}

const wrong = (path: string, {offset}: Element, expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'XML signature', path, offset, expected, got})

/** An element with the declarations in force around it. */
interface Placed {
  readonly element: Element
  readonly outer: ReadonlyMap<string, string>
}

const elementsOf = ({element, outer}: Placed): readonly Placed[] => {
  const inForce = within(outer, element)
  return element.children.flatMap(child => (typeof child === 'string' ? [] : [{element: child, outer: inForce}]))
}

const isNamed = ({element, outer}: Placed, namespace: string, local: string): boolean =>
  element.name.slice(element.name.indexOf(':') + 1) === local &&
  namespaceOf(element.name, within(outer, element)) === namespace

/** Children of `parent`, which are exactly these elements of XML signatures, in this order. */
function exactly(parent: Placed, ...names: readonly string[]): readonly Placed[] {
  const found = elementsOf(parent)
  const fits = found.length === names.length && names.every((name, i) => isNamed(found[i]!, DSIG, name))
  if (!fits)
    throw wrong(
      parent.element.name,
      parent.element,
      names.join(', '),
      found.map(({element}) => element.name).join(', ') || 'nothing',
    )
  return found
}

function requireAlgorithm({element}: Placed, wanted: string): void {
  const {attributes, children} = element
  const only = attributes.size === 1 && children.length === 0
  if (!only || attributes.get('Algorithm') !== wanted)
    throw wrong(element.name, element, `only ${wanted}`, attributes.get('Algorithm') ?? 'no algorithm')
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

function base64Of({element}: Placed): Uint8Array {
  const text = element.children
    .filter(child => typeof child === 'string')
    .join('')
    .replaceAll(/[\s]/g, '')
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  // one spelling of one value
  if (element.children.length !== 1 || !BASE64.test(text) || Buffer.from(bytes).toString('base64') !== text)
    throw wrong(element.name, element, 'base64 text', 'something else')
  return bytes
}

/** The one signature, last in the document element, and nowhere else. */
function signatureIn(root: Placed): Placed {
  const count = (placed: Placed): number =>
    Number(isNamed(placed, DSIG, 'Signature')) + elementsOf(placed).reduce((sum, child) => sum + count(child), 0)
  const last = elementsOf(root).at(-1)
  if (last === undefined || !isNamed(last, DSIG, 'Signature') || count(root) !== 1)
    throw wrong('', root.element, 'one signature, at the end of the document element', `${count(root)}, or elsewhere`)
  return last
}

/** Digest the signature states for the document. */
function statedDigest(signedInfo: Placed): Uint8Array {
  const [canonicalization, method, reference] = exactly(
    signedInfo,
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  ) as [Placed, Placed, Placed]
  requireAlgorithm(canonicalization, CANONICAL)
  requireAlgorithm(method, ECDSA_SHA384)
  const {attributes} = reference.element
  if (attributes.size !== 1 || attributes.get('URI') !== '')
    throw wrong('Reference', reference.element, 'the whole document, URI=""', attributes.get('URI') ?? 'no URI')
  const [transforms, digestMethod, digest] = exactly(reference, 'Transforms', 'DigestMethod', 'DigestValue') as [
    Placed,
    Placed,
    Placed,
  ]
  const [enveloped, c14n] = exactly(transforms, 'Transform', 'Transform') as [Placed, Placed]
  requireAlgorithm(enveloped, ENVELOPED)
  requireAlgorithm(c14n, CANONICAL)
  requireAlgorithm(digestMethod, DIGEST_SHA384)
  return base64Of(digest)
}

function keyOf(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({key: Buffer.from(spki), format: 'der', type: 'spki'})
  } catch {
    return undefined
  }
}

function verifies(spki: Uint8Array, message: string, signature: Uint8Array): boolean {
  const key = keyOf(spki)
  // the algorithm is fixed, so the key has to be of its kind
  if (key?.asymmetricKeyDetails?.namedCurve !== 'secp384r1') return false
  return verify('sha384', Buffer.from(message, 'latin1'), {key, dsaEncoding: 'ieee-p1363'}, signature)
}

/** Reads a signed document. Throws DecodeError for any other form; whether the signature holds is for `signedBy`. */
export function readSignedXml(bytes: Uint8Array): SignedDocument {
  const document: Placed = {element: readXml(bytes), outer: new Map()}
  const signature = signatureIn(document)
  const [signedInfo, value, keyInfo] = exactly(signature, 'SignedInfo', 'SignatureValue', 'KeyInfo') as [
    Placed,
    Placed,
    Placed,
  ]
  const content = canonical(document.element, new Map(), signature.element)
  const digest = statedDigest(signedInfo)
  const isDigested = equal(digest, createHash('sha384').update(content, 'latin1').digest())
  const mark = base64Of(value)
  if (mark.length !== P384_SIGNATURE_SIZE)
    throw wrong('SignatureValue', value.element, `${P384_SIGNATURE_SIZE} bytes`, `${mark.length}`)
  const signedText = canonical(signedInfo.element, signedInfo.outer)
  const [data] = exactly(keyInfo, 'X509Data') as [Placed]
  const certificates = elementsOf(data)
  if (!certificates.every(item => isNamed(item, DSIG, 'X509Certificate')))
    throw wrong('KeyInfo', data.element, 'certificates', 'something else')
  return {
    root: readXml(Buffer.from(content.replaceAll('&gt;', '>'), 'latin1')),
    certificates: certificates.map(base64Of),
    signedBy: spki => isDigested && verifies(spki, signedText, mark),
  }
}
