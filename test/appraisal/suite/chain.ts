/** The certificate chain (N020 to N034, N036). */
import {webcrypto} from 'node:crypto'
import {toHex} from '../../../src/bits/index.js'
import {authorityKeyId, dmtfExtension, extension, keyId} from '../../spdm/authority.js'
import {aliasChain, G2, HARDWARE_IDENTITY, MUTABLE_CERTIFICATE, tcbInfoOf} from '../bases/g2.js'
import {G4, SESSION} from '../bases/g4.js'
import {
  basic,
  certificate,
  certificates,
  chainObject,
  deviceInfo,
  DOCUMENT,
  eku,
  type Forgery,
  GENUINE,
  IDENTITY,
  KEYS,
  privateCritical,
  ruleWith,
  sha384,
  Usage,
  usage,
  withFiles,
} from '../forge.js'
import {put, flip, chain, row, rowsOn, chainOf, leafWith, DMTF, marked, TCB_INFO, type Row} from './row.js'

const issuing = usage(Usage.keyCertSign)
const signing = usage(Usage.digitalSignature)
const days = (n: number): Date => new Date(Date.parse('2026-11-21T12:00:00Z') + n * 86_400_000)

/** The base policy, whose anchor comes as a file of the given content. */
const rootFile = (content: Uint8Array): object => {
  const anchors = {acme: [{...DOCUMENT.anchors.acme[0], file: 'root.der'}]}
  return withFiles({...DOCUMENT, anchors}, new Map([['root.der', content]]))
}

/** Root, a CA above which no other may stand, that other, and a leaf. */
async function tooLong(): Promise<Forgery> {
  const [root, ca] = await certificates({ca: {extensions: [basic(true, 0), issuing]}})
  const second = {keys: KEYS.device, serial: '04', name: 'CA Two', issuer: 'CA', signer: KEYS.ca, extensions: []}
  const [, , leaf] = await certificates({leaf: {issuer: 'CA Two', signer: KEYS.device}})
  return {chain: chainObject([root!, ca!, await certificate({extensions: [basic(true), issuing]}, second), leaf!])}
}

/** An intermediate with an RSA key of the given size, and a leaf below it. */
const rsaCa = (modulusLength: number) => async (): Promise<Forgery> => {
  const algorithm = {name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-384'}
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return {chain: chainObject(await certificates({ca: {keys}, leaf: {signer: keys}}))}
}

const denying = (entry: string): object => ({
  ...DOCUMENT,
  deny: [{certSha384: `sha384:${entry}`, reason: 'extracted key'}],
})
const digest = (der: Uint8Array): string => toHex(sha384(der))
const SPKI_OF_CA = new Uint8Array(await webcrypto.subtle.exportKey('spki', KEYS.ca.publicKey))

export const ROWS: readonly Row[] = [
  row('N020 a length too many', 'spdm.chain.format', {chain: put(chain, 0, chain[0]! + 1)}),
  row('N020 a root hash of 32 bytes', 'spdm.chain.format', {
    chain: chainObject(GENUINE, sha384(GENUINE[0]!).subarray(0, 32)),
  }),
  row('N020 garbage behind the leaf', 'spdm.chain.format', {
    chain: chainObject([...GENUINE, Uint8Array.of(1, 2, 3)]),
  }),
  row('N020 no certificates', 'spdm.chain.format', {chain: chainObject([], sha384(GENUINE[0]!))}),
  row('N021 an answer for slot 1', 'spdm.chain.slot', {transcript: {response: {slotId: 1}}}),
  row('N021 the chain of slot 1 served as that of slot 0', 'spdm.chain.slot', {
    transcript: {request: {slotIdParam: 1}, response: {slotId: 1}},
  }),
  ...rowsOn(G4, row('N021 a session with slot 1', 'spdm.chain.slot', {tsm: {session: {...SESSION, slot: 1}}})),
  row('N021 another slot than the rule', 'spdm.chain.slot', {}, ruleWith({spdm: {slot: 1}})),
  row('N022 another root hash', 'spdm.chain.root-hash', {chain: chainObject(GENUINE, sha384(GENUINE[1]!))}),
  row(
    'N022 another root hash, and no root',
    'spdm.chain.root-hash',
    {chain: chainObject(GENUINE.slice(1), flip(sha384(GENUINE[0]!), 0))},
    rootFile(GENUINE[0]!),
  ),
  row(
    'N023 a root of the same name',
    'spdm.chain.root-pinned',
    chainOf({root: {keys: KEYS.otherRoot, signer: KEYS.otherRoot}}),
  ),
  row('N024 an anchor whose file was emptied', 'policy.integrity', {}, rootFile(new Uint8Array())),
  row('N025 a broken signature', 'spdm.chain.signatures', {
    chain: chainObject([GENUINE[0]!, flip(GENUINE[1]!, GENUINE[1]!.length - 1), GENUINE[2]!]),
  }),
  row('N025 another issuer name', 'spdm.chain.signatures', chainOf({ca: {issuer: 'Root Two'}})),
  row(
    'N025 another key identifier than that above',
    'spdm.chain.signatures',
    chainOf({
      ca: {extensions: [basic(true), issuing, keyId('01')]},
      leaf: {extensions: [basic(false), signing, deviceInfo(IDENTITY), authorityKeyId('02')]},
    }),
  ),
  row(
    'N026 an intermediate that is no CA',
    'spdm.chain.ca-flags',
    chainOf({ca: {extensions: [basic(false), usage(Usage.keyCertSign)]}}),
  ),
  row(
    'N026 an intermediate that may not sign',
    'spdm.chain.ca-flags',
    chainOf({ca: {extensions: [basic(true), usage(Usage.cRLSign)]}}),
  ),
  row('N026 a CA below one that allows none', 'spdm.chain.ca-flags', tooLong),
  row('N027 a leaf that is a CA', 'spdm.chain.leaf-ca', leafWith(basic(true), usage(Usage.digitalSignature))),
  ...rowsOn(
    G2,
    row(
      'N027 a leaf of SPDM 1.3 that does not say that it is no CA',
      'spdm.chain.leaf-ca',
      aliasChain({
        leaf: {
          extensions: [
            signing,
            deviceInfo(IDENTITY),
            dmtfExtension(MUTABLE_CERTIFICATE),
            extension(TCB_INFO, tcbInfoOf(1)),
          ],
        },
      }),
    ),
  ),
  row('N028 a leaf that may not sign', 'spdm.chain.leaf-key-usage', leafWith(basic(false), usage(Usage.keyAgreement))),
  row(
    'N029 a requester leaf',
    'spdm.chain.leaf-eku',
    leafWith(basic(false), usage(Usage.digitalSignature), eku('1.3.6.1.4.1.412.274.4')),
  ),
  row('N030 a leaf on another curve', 'spdm.chain.leaf-key-algo', chainOf({leaf: {keys: KEYS.p256}})),
  row('N031 an alias leaf where none was announced', 'spdm.chain.model', marked(dmtfExtension(`${DMTF}.5`))),
  ...rowsOn(
    G2,
    row(
      'N031 an alias leaf that is marked as the hardware',
      'spdm.chain.model',
      aliasChain({marks: [dmtfExtension(HARDWARE_IDENTITY)]}),
    ),
    row('N031 a device certificate where alias certificates were announced', 'spdm.chain.model', async () => ({
      chain: chainObject(
        await certificates({
          leaf: {
            extensions: [
              basic(false),
              signing,
              deviceInfo(IDENTITY),
              dmtfExtension(HARDWARE_IDENTITY),
              extension(TCB_INFO, tcbInfoOf(1)),
            ],
          },
        }),
      ),
    })),
  ),
  row(
    'N032 a private critical extension',
    'spdm.chain.critical-ext',
    leafWith(basic(false), usage(Usage.digitalSignature), privateCritical),
  ),
  row('N033 an intermediate signed with SHA-1', 'spdm.chain.weak', chainOf({ca: {hash: 'SHA-1'}})),
  row('N033 an intermediate with RSA of 2048 bits', 'spdm.chain.weak', rsaCa(2048)),
  row(
    'N034 an intermediate that is not valid before tomorrow',
    'spdm.chain.validity',
    chainOf({ca: {notBefore: days(1)}}),
    ruleWith({time: {validity: 'strict'}}),
  ),
  row(
    'N034 an expired intermediate',
    'spdm.chain.validity',
    chainOf({ca: {notAfter: new Date('2026-11-20T00:00:00Z')}}),
  ),
  row('N036 a denied leaf', 'spdm.chain.denied', {}, denying(digest(GENUINE[2]!))),
  row('N036 a denied intermediate', 'spdm.chain.denied', {}, denying(digest(GENUINE[1]!))),
  row('N036 a denied key', 'spdm.chain.denied', {}, denying(digest(SPKI_OF_CA))),
]
