/**
 * Every version with every signature algorithm and every hash: what DSP0274 defines and can be computed here is signed and
 * verified, and checked by OpenSSL over a message that this file puts together; all else is refused by name.
 */
import {constants, createHash, createPrivateKey, createPublicKey, KeyObject, verify} from 'node:crypto'
import {readFileSync} from 'node:fs'
import {beforeAll, describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {
  type AsymAlgorithm,
  BASE_ASYM,
  BASE_HASH,
  generateSigningKey,
  type HashAlgorithm,
  librarySchemeOf,
  loadCrypto,
  PQC_ASYM,
  type SignatureContext,
  signQuestion,
  unsupportedReason,
  verifySignature,
  versionText,
} from '../../src/spdm/index.js'

const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14]
const CONTEXT: SignatureContext = 'responder-measurements signing'
const TRANSCRIPT = new TextEncoder().encode('what both sides have said')
const ASYM: readonly AsymAlgorithm[] = [...BASE_ASYM, ...PQC_ASYM]

/** The version that brought an algorithm (DSP0274 1.4 §10.5). */
const SINCE: Readonly<Record<string, number>> = {
  ...Object.fromEntries(ASYM.map(({name}) => [name, 0x10])),
  ...Object.fromEntries(['ed25519', 'ed448'].map(name => [name, 0x12])),
  ...Object.fromEntries(PQC_ASYM.map(({name}) => [name, 0x14])),
}

const why = (version: number, {name}: AsymAlgorithm, hash: HashAlgorithm): RegExp | undefined => {
  if (name === 'sm2') return /sm2/
  if (version < SINCE[name]!) return new RegExp(`SPDM ${versionText(version)} does not define ${name}`)
  return hash.name === 'sm3-256' ? /sm3-256/ : undefined
}

interface Key {
  readonly privateKey: KeyObject | Uint8Array
  readonly spki: Uint8Array
}

function keyOf(asym: AsymAlgorithm): Key {
  if (asym.modulusBits === undefined) return generateSigningKey(asym)
  const file = new URL(`../../fixtures/keys/rsa-${asym.modulusBits}.der`, import.meta.url)
  const privateKey = createPrivateKey({key: readFileSync(file), format: 'der', type: 'pkcs8'})
  return {privateKey, spki: new Uint8Array(createPublicKey(privateKey).export({format: 'der', type: 'spki'}))}
}

const nodeHash = ({name}: HashAlgorithm): string => name

/** What is signed (DSP0274 1.2 §15), put together without the code under test. */
function signedMessage(version: number, hash: HashAlgorithm): Uint8Array {
  if (version < 0x12) return TRANSCRIPT
  const prefix = `dmtf-spdm-v1.${version % 16}.*`.repeat(4)
  const text = new TextEncoder().encode(prefix + '\0'.repeat(36 - CONTEXT.length) + CONTEXT)
  return concat(text, new Uint8Array(createHash(nodeHash(hash)).update(TRANSCRIPT).digest()))
}

function opensslSays(
  version: number,
  asym: AsymAlgorithm,
  hash: HashAlgorithm,
  spki: Uint8Array,
  signature: Uint8Array,
) {
  const key = createPublicKey({key: Buffer.from(spki), format: 'der', type: 'spki'})
  const message = signedMessage(version, hash)
  if (asym.name === 'ed25519') return verify(null, message, key, signature)
  if (asym.curve !== undefined) return verify(nodeHash(hash), message, {key, dsaEncoding: 'ieee-p1363'}, signature)
  const isPss = asym.name.startsWith('rsapss')
  const padding = isPss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  return verify(nodeHash(hash), message, {key, padding, ...(isPss && {saltLength: hash.size})}, signature)
}

/** One set of parameters signs in seconds, and hashes no otherwise than the others. */
const isSlow = ({name}: AsymAlgorithm): boolean => name.startsWith('slh-dsa')
const byOpenssl = ({name}: AsymAlgorithm): boolean => !/^(ed448|ml-dsa|slh-dsa)/.test(name)

describe.each(ASYM.filter(asym => asym.name !== 'sm2' && !isSlow(asym)).map(asym => [asym.name, asym] as const))(
  '%s',
  (name, asym) => {
    let key: Key
    beforeAll(async () => {
      await loadCrypto(asym)
      key = keyOf(asym)
    })

    it('signs and verifies with every hash in every version that has it', () => {
      const pairs = VERSIONS.flatMap(version => BASE_HASH.map(hash => ({version, hash}))).filter(
        ({version, hash}) => why(version, asym, hash) === undefined,
      )
      const results = pairs.map(({version, hash}) => {
        const question = {version, context: CONTEXT, hash, asym, transcript: TRANSCRIPT}
        const signature = signQuestion(question, key.privateKey as never)
        return {
          version,
          hash: hash.name,
          size: signature.length,
          refused: unsupportedReason(question),
          ours: verifySignature(question, key.spki, signature).status,
          openssl: byOpenssl(asym) ? opensslSays(version, asym, hash, key.spki, signature) : true,
        }
      })
      const sound = {size: asym.signatureSize, refused: undefined, ours: 'valid', openssl: true}
      expect(results).toEqual(pairs.map(({version, hash}) => ({version, hash: hash.name, ...sound})))
      expect(results).toHaveLength(6 * VERSIONS.filter(version => version >= SINCE[name]!).length)
    })
  },
)

const attempt = (act: () => unknown): string => {
  try {
    act()
    return 'it succeeded'
  } catch (error) {
    return (error as Error).message
  }
}

const REFUSED = VERSIONS.flatMap(version =>
  ASYM.flatMap(asym =>
    BASE_HASH.flatMap(hash => {
      const reason = why(version, asym, hash)
      return reason === undefined ? [] : [{version, asym, hash, reason}]
    }),
  ),
)

describe.each(VERSIONS.map(version => [versionText(version), version] as const))('version %s', (_, version) => {
  it('refuses everything else by name', async () => {
    await Promise.all(ASYM.map(asym => (asym.name === 'sm2' ? undefined : loadCrypto(asym))))
    const rows = REFUSED.filter(row => row.version === version)
    const wrong = rows.flatMap(({asym, hash, reason}) => {
      const question = {version, context: CONTEXT, hash, asym, transcript: TRANSCRIPT}
      const verdict = verifySignature(question, new Uint8Array(91), new Uint8Array(asym.signatureSize))
      const said = [
        unsupportedReason(question) ?? 'supported',
        verdict.status === 'unsupported' ? verdict.why : verdict.status,
        attempt(() => signQuestion(question, new Uint8Array(32) as never)),
      ]
      return said.every(text => reason.test(text)) ? [] : [{asym: asym.name, hash: hash.name, said}]
    })
    expect(wrong).toEqual([])
    expect(rows.length).toBeGreaterThan(20)
  })
})

it.each(PQC_ASYM.filter(isSlow).map(asym => [asym.name, asym] as const))(
  '%s has a scheme of its size',
  async (_, asym) => {
    await loadCrypto(asym)
    const scheme = librarySchemeOf(asym)!
    const key = new Uint8Array({128: 32, 192: 48, 256: 64}[/\d{3}/.exec(asym.name)![0] as '128'])
    // zeros of the right size are looked at, and are no signature
    expect(scheme.verify(new Uint8Array(asym.signatureSize), TRANSCRIPT, key, new Uint8Array())).toBe(false)
  },
)
