/** Captures of the DMTF emulator, versions 1.0 to 1.4: digests it printed, signatures it made, chains it served. */
import {describe, expect, it} from 'vitest'
import {concat, fromHex, toHex} from '../../src/bits/index.js'
import {
  ALGORITHMS,
  CAPABILITIES,
  digestOf,
  GET_CAPABILITIES,
  GET_VERSION,
  hashNamed,
  leafProblems,
  loadCryptoOf,
  loadCrypto,
  MEASUREMENTS,
  NEGOTIATE_ALGORITHMS,
  parseCertificateChain,
  parseMeasurements,
  parseVca,
  pathProblems,
  type SignatureContext,
  type VcaFacts,
  verifySignature,
  VERSION,
  verifyCertificateSignature,
} from '../../src/spdm/index.js'
import {captureIndex, type CaptureLine, captureLines, hasCaptures} from './captures.js'
import {bytesOf, certificateFacts, flipped, hasData, textOf} from './support.js'

const names = Object.keys(captureIndex)

interface SignedRun {
  readonly context: SignatureContext
  readonly vca: VcaFacts
  /** Everything the signature covers but the negotiation, the signature still at the end. */
  readonly messages: Uint8Array
  /** The digest the emulator printed. */
  readonly digest: string
}

const VCA = [GET_VERSION, VERSION, GET_CAPABILITIES, CAPABILITIES, NEGOTIATE_ALGORITHMS, ALGORITHMS].map(l => l.name)
const B = ['GET_DIGESTS', 'DIGESTS', 'GET_CERTIFICATE', 'CERTIFICATE']
const CHUNKS = ['CHUNK_GET', 'CHUNK_RESPONSE']

/** Collects signed exchanges from a log as a requester accumulates transcripts. */
function signedRuns(lines: readonly CaptureLine[]): SignedRun[] {
  const runs: SignedRun[] = []
  let a: Uint8Array[] = []
  let b: Uint8Array[] = []
  let l: Uint8Array[] = []
  let vca: VcaFacts | undefined
  for (const line of lines) {
    if (line.kind === 'value' && line.name === 'm1m2 hash')
      runs.push({
        context: 'responder-challenge_auth signing',
        vca: vca!,
        messages: concat(...b),
        digest: line.hex,
      })
    if (line.kind === 'value' && line.name === 'l1l2 hash') {
      runs.push({context: 'responder-measurements signing', vca: vca!, messages: concat(...l), digest: line.hex})
      l = []
    }
    if (line.kind !== 'message' && line.kind !== 'reassembled') continue
    const bytes = fromHex(line.hex)
    const name = line.kind === 'reassembled' ? 'CERTIFICATE' : line.name
    if (name === 'GET_VERSION') a = []
    if (VCA.includes(name)) {
      a.push(bytes)
      if (name === 'ALGORITHMS') vca = parseVca(concat(...a))
    }
    if (name === 'GET_DIGESTS') b = []
    const isChallenge = name === 'CHALLENGE' || name === 'CHALLENGE_AUTH'
    if (line.session == null && (B.includes(name) || isChallenge)) b.push(bytes)
    if (name === 'GET_MEASUREMENTS' || name === 'MEASUREMENTS') l.push(bytes)
    else if (!CHUNKS.includes(name)) l = []
  }
  return runs
}

describe.skipIf(!hasCaptures)('DMTF emulator captures (shared test data)', () => {
  it.each(names)('%s: selections are single, offered and named', name => {
    const [first] = signedRuns(captureLines(name))
    const {vca} = first!
    expect(vca.selections.flatMap(({problems}) => problems)).toEqual([])
    expect(vca).toMatchObject({versionOffered: true})
    expect(vca.hash?.name).toBe(captureIndex[name]!.base_hash)
    expect(vca.messages.map(message => message.name)).toEqual(VCA)
    expect(vca.asym).toBeDefined()
  })

  it.each(names)('%s: transcripts hash as the emulator printed, and every signature verifies', async name => {
    const runs = signedRuns(captureLines(name))
    expect(runs.length).toBeGreaterThanOrEqual(2)
    const {hash, asym, version} = runs[0]!.vca
    const leafOf = (slot: number) => {
      const file = captureIndex[name]!.chains[`responder.slot${slot}`]!
      const {certificates} = parseCertificateChain(bytesOf(`spdm/emu/chains/${file}.chain.bin`), hash!.size)
      return certificateFacts(certificates.at(-1)!.der)
    }
    await loadCrypto(asym)
    for (const {context, vca, messages, digest} of runs) {
      let slot = 0
      const cut = messages.length - asym!.signatureSize
      let transcript = concat(vca.bytes, messages.subarray(0, cut))
      if (context === 'responder-measurements signing') {
        const facts = parseMeasurements(messages, {asym: asym!, measurementHash: vca.measurementHash, vca})
        expect(facts).toMatchObject({version, problems: [], trailing: undefined, coversVca: version >= 0x12})
        for (const block of facts.blocks) expect([...block.problems, ...block.representationProblems]).toEqual([])
        const embedded = parseMeasurements(concat(vca.bytes, messages), {asym: asym!})
        expect(embedded.transcript).toEqual(facts.transcript)
        transcript = facts.transcript!
        slot = facts.signed!.request.slot ?? 0
      }
      const signature = messages.subarray(cut)
      expect(toHex(digestOf(hash!, transcript))).toBe(digest)
      const verdict = verifySignature(
        {version, context, hash: hash!, asym: asym!, transcript},
        leafOf(slot).spki,
        signature,
      )
      expect(verdict.status).toBe('valid')
    }
  })

  it.each(names)('%s: chains are sound paths of their roots', async name => {
    for (const file of Object.values(captureIndex[name]!.chains)) {
      const hash = hashNamed(captureIndex[name]!.base_hash)!
      const facts = parseCertificateChain(bytesOf(`spdm/emu/chains/${file}.chain.bin`), hash.size)
      expect(facts.certificates).toHaveLength(3)
      for (const [i, {der}] of facts.certificates.entries())
        expect(der).toEqual(bytesOf(`spdm/emu/chains/${file}.${i}.der`))
      expect(facts.rootHash).toEqual(digestOf(hash, facts.certificates[0]!.der))
      const chain = facts.certificates.map(({der}) => certificateFacts(der))
      await loadCryptoOf(chain)
      expect(pathProblems(chain)).toEqual([])
      const [above, leaf] = chain.slice(-2)
      for (const bit of [200, leaf!.der.length * 8 - 1])
        expect(verifyCertificateSignature(flipped(leaf!.der, bit), above!.spki)).toBe(false)
      expect(chain.at(-1)!.deviceInfo).toMatchObject({manufacturer: 'ACME', product: 'WIDGET', serial: '1234567890'})
    }
  })

  it('device mode and SVN are decoded from the last blocks', () => {
    const run = signedRuns(captureLines('sv12-sha256-p256')).find(({context}) => context.includes('measurements'))!
    const {blocks} = parseMeasurements(run.messages, {asym: run.vca.asym!, vca: run.vca})
    expect(blocks.map(({index: i}) => i)).toEqual([1, 2, 3, 4, 0x10, 0x11, 0xfd, 0xfe])
    expect(blocks.find(({typeName}) => typeName === 'svn')?.svn).toBe(7n)
    const mode = blocks.at(-1)!.deviceMode
    expect(mode).toMatchObject({normalMode: true, invasiveDebug: false, nonInvasiveDebug: true})
    expect(mode).toMatchObject({invasiveDebugSinceManufacturing: true, manufacturingMode: false})
  })

  it('an unsigned response decodes without signature', () => {
    const lines = captureLines('s12-sha512-rsassa3072-raw')
    const at = lines.findIndex(({name}) => name === 'GET_MEASUREMENTS')
    const value = MEASUREMENTS.decode(fromHex(lines[at + 1]!.hex))
    expect(value).toMatchObject({totalNumberOfMeasurements: 8, numberOfBlocks: 0, opaqueDataLength: 0})
  })
})

describe.skipIf(!hasData('spdm/leafs/expected.json'))('leaf profiles (shared test data)', () => {
  const rows = hasData('spdm/leafs/expected.json')
    ? (JSON.parse(textOf('spdm/leafs/expected.json')) as {cert: string; role: string; accept: boolean}[])
    : []
  it.each(rows.filter(({role}) => role === 'responder'))('$cert as responder: $accept', ({cert, accept}) => {
    const problems = leafProblems(certificateFacts(bytesOf(`spdm/${cert}`)), 0x12, undefined)
    expect(problems.map(({kind}) => kind)).toEqual(accept ? [] : ['extended-key-usage'])
  })
})
