/** Signed manifests in XML: what XML and its signatures allow in order to deceive is refused before anything is read. */
import {createHmac, generateKeyPairSync} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {readRim} from '../../src/vendor/index.js'
import {canonical, readXml} from '../../src/vendor/xml.js'
import {readSignedXml} from '../../src/vendor/xml-signature.js'
import {ALGORITHMS, digestText, document, resource, signedXml, type SignatureSpec} from './rims.js'

const pair = generateKeyPairSync('ec', {namedCurve: 'P-384'})
const other = generateKeyPairSync('ec', {namedCurve: 'P-384'})
const p256 = generateKeyPairSync('ec', {namedCurve: 'P-256'})
const spkiOf = ({publicKey}: typeof pair): Uint8Array => new Uint8Array(publicKey.export({type: 'spki', format: 'der'}))
const signed = (spec: Partial<SignatureSpec> = {}, text = document()): Uint8Array =>
  signedXml(text, {key: pair.privateKey, ...spec})
const GOOD = signed()
const text = Buffer.from(GOOD).toString('latin1')
const bytes = (source: string): Uint8Array => Buffer.from(source, 'latin1')
/** The good document with something replaced after it was signed. */
const altered = (from: string | RegExp, to: string): Uint8Array => {
  expect(text).not.toBe(text.replace(from, to))
  return bytes(text.replace(from, to))
}
const holds = (file: Uint8Array): boolean => readSignedXml(file).signedBy(spkiOf(pair))

it('a signed manifest is read, and holds for the key that signed it', () => {
  const {signed: signature, resources, ...facts} = readRim(GOOD)
  expect(facts).toEqual({tagId: 'rim-1', product: 'WIDGET', edition: 'GPU', manufacturer: 'ACME', version: '1.0'})
  expect(resources).toEqual([
    {block: 1, active: true, digests: [digestText(1)]},
    {block: 2, active: false, digests: [digestText(0)]},
  ])
  expect(signature.signedBy(spkiOf(pair))).toBe(true)
  expect([other, p256].map(keys => signature.signedBy(spkiOf(keys)))).toEqual([false, false])
  expect(signature.certificates).toEqual([new Uint8Array(3)])
})

/** The signature element of the good document, and the document without it. */
const [signature] = /<ds:Signature .*<\/ds:Signature>/s.exec(text)!
const bare = text.replace(signature, '')
const evil = document({resources: [resource(0, true, digestText(0xee))]})
const inside = (outer: string, element: string): string => outer.replace('<ns0:Payload>', `${element}<ns0:Payload>`)

describe('the known attacks on XML signatures', () => {
  it.each<[string, Uint8Array]>([
    [
      'wrapping: the signed document inside another',
      bytes(inside(evil, bare.replace('</SoftwareIdentity>', `${signature}</SoftwareIdentity>`))),
    ],
    ['wrapping: the signature moved to another document', bytes(inside(evil, signature))],
    ['wrapping: the signature at the top', bytes(bare.replace('>\n', `>${signature}\n`))],
    ['two signatures', bytes(text.replace(signature, signature + signature))],
    ['a second signature inside', bytes(text.replace('<ns0:Payload>', `${signature}<ns0:Payload>`))],
    ['no signature', bytes(bare)],
    ['two SignedInfo (CVE-2025-29774)', bytes(text.replace(/(<ds:SignedInfo>.*<\/ds:SignedInfo>)/s, '$1$1'))],
    ['a comment in the digest (CVE-2025-29775)', altered(/(<ds:DigestValue>.)/, '$1<!---->')],
    ['a comment in a value', altered('name="Measurement_0"', 'name="Measurement_0"'.replace('0', '0<!-- -->'))],
    ['a comment between elements', altered('<ns0:Payload>', '<!-- --><ns0:Payload>')],
    ['a processing instruction', altered('<ns0:Payload>', '<?x?><ns0:Payload>')],
    ['an XML declaration, which may name an encoding', bytes(`<?xml version="1.0" encoding="UTF-7"?>${text}`)],
    ['a document type with entities', bytes(`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>${text}`)],
    ['a document type that reads files', bytes(`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${text}`)],
    ['an entity', altered('colloquialVersion="1.0"', 'colloquialVersion="&lt;"')],
    ['a character reference', altered('colloquialVersion="1.0"', 'colloquialVersion="&#49;"')],
    ['CDATA', altered('<ns0:Payload>', '<ns0:Payload><![CDATA[x]]>')],
    ['bytes that are not ASCII', altered('edition="GPU"', 'edition="GPU\u00a0"')],
    ['a carriage return, which parsers replace', altered('\n', '\r\n')],
    ['no reference', signed({references: () => ''})],
    ['two references', signed({references: one => one + one})],
    ['a reference to another file', signed({reference: 'URI="http://acme.example/x"'})],
    ['a reference by identifier', signed({reference: 'URI="#x"'})],
    ['a reference without URI', signed({reference: ''})],
    ['a reference with a type', signed({reference: 'URI="" Type="x"'})],
    [
      'a transform that selects',
      signed({transforms: '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>'}),
    ],
    ['a third transform', signed({transforms: `<ds:Transform Algorithm="${ALGORITHMS.enveloped}"/>`.repeat(3)})],
    [
      'a transform with parameters',
      signed({
        transforms: `<ds:Transform Algorithm="${ALGORITHMS.enveloped}"/><ds:Transform Algorithm="${ALGORITHMS.c14n}"><x/></ds:Transform>`,
      }),
    ],
    ['canonical form with comments', signed({algorithms: {c14n: `${ALGORITHMS.c14n}#WithComments`}})],
    [
      'HMAC with the public key',
      signed({algorithms: {signature: 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha384'}}),
    ],
    ['a weaker digest', signed({algorithms: {digest: 'http://www.w3.org/2000/09/xmldsig#sha1'}})],
    ['a key instead of certificates', altered(/<ds:X509Data>.*<\/ds:X509Data>/s, '<ds:KeyValue></ds:KeyValue>')],
    ['something behind the references', signed({more: '<ds:Object></ds:Object>'})],
    ['an attribute twice', altered('edition="GPU"', 'edition="GPU" edition="CPU"')],
    [
      'one attribute under two prefixes',
      altered('xmlns:ns1="urn:rim"', 'xmlns:ns1="urn:rim" xmlns:n="urn:rim" n:FirmwareManufacturer="x"'),
    ],
    ['an undeclared prefix', altered('<ns0:Payload>', '<x:y/><ns0:Payload>')],
    ['an attribute that parts of a document inherit', altered('edition="GPU"', 'xml:base="x" edition="GPU"')],
    ['elements that do not close', altered('</ns0:Payload>', '</Payload>')],
    ['text behind the document', bytes(`${text}x`)],
    ['a document twice', bytes(text + text)],
    ['base64 in another spelling', altered(/(<ds:SignatureValue>)/, '$1=')],
    ['nesting without end', bytes('<a>'.repeat(10_000))],
    ['namespaces without end', bytes(`<a ${Array.from({length: 40}, (_, i) => `xmlns:n${i}="u"`).join(' ')}/>`)],
    ['more than anybody writes', bytes(`<a>${' '.repeat(300_000)}</a>`)],
    ['nothing', new Uint8Array()],
  ])('%s is refused', (_, file) => {
    expect(() => readSignedXml(file)).toThrow(DecodeError)
  })

  it.each<[string, Uint8Array]>([
    ['a value', altered(digestText(1), digestText(2))],
    ['an element more', altered('<ns0:Payload>', `<ns0:Payload>${resource(9, true, digestText(9))}`)],
    ['another namespace', altered('xmlns:ns1="urn:rim"', 'xmlns:ns1="urn:other"')],
    ['another prefix', bytes(text.replaceAll('ns1', 'ns9'))],
    ['a space more', altered('\n', '\n ')],
    ['another digest', altered(/<ds:DigestValue>..../, '<ds:DigestValue>AAAA')],
    ['another attribute', altered('name="WIDGET"', 'name="GADGET"')],
  ])('with %s the signature does not hold', (_, file) => {
    expect(holds(file)).toBe(false)
  })

  it('a signature of another length, or an HMAC in its place, is no signature', () => {
    const mark = createHmac('sha384', spkiOf(pair)).update('x').digest('base64')
    const forged = altered(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${mark}`)
    expect(() => readSignedXml(forged)).toThrow(DecodeError)
  })

  it('no bit can be changed, but in certificates, which are verified on their own', () => {
    const ends = text.indexOf('<ds:KeyInfo>')
    fc.assert(
      fc.property(fc.nat(ends * 8 - 1), bit => {
        const copy = Uint8Array.from(GOOD)
        copy[Math.floor(bit / 8)]! ^= 2 ** (bit % 8)
        try {
          // a space inside of a tag is not content
          if (
            Buffer.from(copy)
              .toString('latin1')
              .replaceAll(/[\n\t ]+/g, ' ') === text.replaceAll(/[\n\t ]+/g, ' ')
          )
            return
          expect(holds(copy)).toBe(false)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }),
      {numRuns: 100},
    )
  })

  it('what is read is what was digested', () => {
    // spelled in another way, the content is the same
    const spelled = bytes(text.replace('<ns0:Meta xmlns:ns1="urn:rim" ', '<ns0:Meta   xmlns:ns1="urn:rim"\n'))
    expect(holds(spelled)).toBe(true)
    expect(readRim(spelled).resources).toEqual(readRim(GOOD).resources)
  })
})

describe('a manifest', () => {
  const rim = (...resources: readonly string[]): Uint8Array => signed({}, document({resources}))
  const one = resource(0, true, digestText(1))
  it.each<[string, Uint8Array]>([
    ['with an index twice', rim(one, one)],
    ['with fewer digests than alternatives', rim(one.replace('alternatives="1"', 'alternatives="2"'))],
    [
      'with more digests than alternatives',
      rim(resource(0, true, digestText(1), digestText(2)).replace('="2"', '="1"')),
    ],
    ['with a digest of another length', rim(one.replace(digestText(1), digestText(1).slice(2)))],
    ['with another size', rim(one.replace('size="48"', 'size="32"'))],
    ['with an index beyond all blocks', rim(resource(254, true, digestText(1)))],
    ['that is neither active nor not', rim(one.replace('"True"', '"yes"'))],
    ['with something else in its payload', rim(one, '<ns0:File/>')],
    ['with a digest by another function', signed({}, document().replace('xmlenc#sha384', 'xmlenc#sha256'))],
    ['without meta data', signed({}, document().replace(/<ns0:Meta[^>]*\/>/, ''))],
    ['of another kind', signed({}, document().replaceAll('19770/-2/2015', '19770/-2/2009'))],
  ])('%s is malformed', (_, file) => {
    expect(() => readRim(file)).toThrow(DecodeError)
  })
})

it('the canonical form is that of Canonical XML', () => {
  const source =
    '<b:r z="1" a:y="2" a="3" xmlns:b="urn:b" xmlns:a="urn:a" xmlns="urn:0" ><c xmlns:a="urn:a" xmlns=""/>\n<d/>x > y</b:r >'
  expect(canonical(readXml(bytes(source)))).toBe(
    '<b:r xmlns="urn:0" xmlns:a="urn:a" xmlns:b="urn:b" a="3" z="1" a:y="2"><c xmlns=""></c>\n<d></d>x &gt; y</b:r>',
  )
})

it('whatever the bytes are, a manifest is read or malformed', () => {
  const pieces = fc.constantFrom('<a>', '</a>', '<b x="1"/>', ' ', 'x="', 'xmlns:a="u"', '>', '"', 'text', '&', '<!--')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces).map(list => bytes(list.join(''))),
        fc.uint8Array(),
      ),
      file => {
        try {
          readRim(file)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      },
    ),
    {numRuns: 200},
  )
  for (let length = 0; length < GOOD.length; length += 7)
    expect(() => readRim(GOOD.subarray(0, length))).toThrow(DecodeError)
})
