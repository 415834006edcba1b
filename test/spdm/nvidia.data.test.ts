/** Attestation reports of real GPUs and switches: SPDM 1.1, read and verified as their manifest states. */
import {describe, expect, it} from 'vitest'
import {DecodeError, toHex} from '../../src/bits/index.js'
import {
  asymNamed,
  type CertificateFacts,
  hashNamed,
  isSelfSigned,
  type MeasurementFacts,
  parseMeasurements,
  pathProblems,
  verifySignature,
} from '../../src/spdm/index.js'
import {bytesOf, certificateFacts, chainOfPem, flipped, hasData, textOf} from './support.js'

interface Expected {
  readonly request: {readonly nonce: string; readonly slot: number}
  readonly blocks: number
  readonly all_block_types: readonly number[]
  readonly all_value_sizes: readonly number[]
  readonly responder_nonce: string
  readonly opaque_len: number
  readonly signature_valid: boolean
  readonly chain_len: number
  readonly leaf_serial_hex: string
  readonly leaf_dice_oid: readonly string[]
}
interface Entry {
  readonly file: string
  readonly expected?: Record<string, unknown>
}

const has = hasData('nvidia/MANIFEST.json')
const entries = has ? (JSON.parse(textOf('nvidia/MANIFEST.json')) as {entries: readonly Entry[]}).entries : []
const reports = entries
  .filter(({file}) => file.endsWith('.report.bin'))
  .map(({file, expected}) => ({name: file.replace('.report.bin', ''), expected: expected as unknown as Expected}))

const asym = asymNamed('ecdsa-p384')!
const hash = hashNamed('sha384')!
const parse = (bytes: Uint8Array): MeasurementFacts => parseMeasurements(bytes, {asym, measurementHash: hash})

const verdict = (facts: MeasurementFacts, leaf: CertificateFacts) =>
  verifySignature(
    {version: facts.version, context: 'responder-measurements signing', hash, asym, transcript: facts.transcript!},
    leaf.spki,
    facts.signature!,
  ).status

describe.skipIf(!has)('NVIDIA reports (shared test data)', () => {
  it.each(reports)('$name: messages, nonces, blocks', ({name, expected}) => {
    const facts = parse(bytesOf(`nvidia/${name}.report.bin`))
    expect(facts).toMatchObject({version: 0x11, complete: true, problems: [], trailing: undefined, coversVca: false})
    expect(facts.exchanges).toHaveLength(1)
    const {request, response} = facts.signed!
    expect(toHex(request.nonce!)).toBe(expected.request.nonce)
    expect(request).toMatchObject({operation: 0xff, slot: expected.request.slot, length: 37})
    expect(toHex(response.nonce)).toBe(expected.responder_nonce)
    expect(response.opaqueData).toHaveLength(expected.opaque_len)
    expect(facts.blocks).toHaveLength(expected.blocks)
    expect([...new Set(facts.blocks.map(({type}) => type))]).toEqual(expected.all_block_types)
    expect([...new Set(facts.blocks.map(({value}) => value.length))]).toEqual(expected.all_value_sizes)
    for (const block of facts.blocks) {
      expect([...block.problems, ...block.representationProblems]).toEqual([])
      expect(facts.bytes[block.offset]).toBe(block.index)
      expect(facts.bytes.subarray(block.valueOffset, block.offset + block.length)).toEqual(block.value)
    }
  })

  it.each(reports)('$name: chain and signature', ({name, expected}) => {
    const chain = chainOfPem(`nvidia/${name}.chain.pem`)
    expect(chain).toHaveLength(expected.chain_len)
    expect(pathProblems(chain)).toEqual([])
    expect(isSelfSigned(chain[0]!)).toBe(true)
    const [root] = chainOfPem('nvidia/nvidia_device_identity_root.pem')
    expect(chain[0]!.sha384).toBe(root!.sha384)
    const leaf = chain.at(-1)!
    expect(leaf.serial).toBe(expected.leaf_serial_hex)
    expect(leaf.noExpiry).toBe(true)
    expect(leaf.dice.map(({oid}) => oid)).toEqual(expected.leaf_dice_oid)
    expect(leaf.dice[0]!.content.kind).toBe('composite-device-id')
    expect(leaf).toMatchObject({
      basicConstraints: undefined,
      extendedKeyUsage: undefined,
      keyUsage: ['digitalSignature'],
    })
    expect(leaf.deviceInfo?.manufacturer).toBe('NVIDIA')
    const facts = parse(bytesOf(`nvidia/${name}.report.bin`))
    expect(verdict(facts, leaf)).toBe(expected.signature_valid ? 'valid' : 'invalid')
  })

  it('no flipped bit keeps the signature valid', () => {
    const bytes = bytesOf('nvidia/ls10-96.10.55.report.bin')
    const leaf = chainOfPem('nvidia/ls10-96.10.55.chain.pem').at(-1)!
    expect(verdict(parse(bytes), leaf)).toBe('valid')
    // a prime stride visits every region: request, blocks, nonces, opaque data, signature
    for (let bit = 0; bit < bytes.length * 8; bit += 31) {
      let status: string = 'refused'
      try {
        const facts = parse(flipped(bytes, bit))
        status = facts.signature === undefined ? 'unsigned' : verdict(facts, leaf)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
      expect(status, `bit ${bit}`).not.toBe('valid')
    }
  })

  it('a byte behind the signature is reported, and the signature stays what it was', () => {
    const bytes = bytesOf('nvidia/hopper-545.report.bin')
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    const facts = parse(longer)
    expect(facts.trailing).toEqual({offset: bytes.length, length: 1})
    expect(verdict(facts, chainOfPem('nvidia/hopper-545.chain.pem').at(-1)!)).toBe('valid')
  })

  it('a chain with a broken signature is refused with the certificate that breaks it', () => {
    const chain = chainOfPem('nvidia/hopper-545.invalid-chain.b64')
    expect(pathProblems(chain).map(({kind, certificate}) => `${kind} ${certificate}`)).toEqual([
      'issuer-name 3',
      'key-identifier 3',
      'signature 3',
    ])
  })

  it('the FWID of a composite device id is decoded', () => {
    const facts = certificateFacts(bytesOf('dice/nvidia-gh100-leaf.der'))
    const expected = (
      JSON.parse(textOf('dice/MANIFEST.json')) as {entries: {file: string; expected: Record<string, string>}[]}
    ).entries.find(({file}) => file === 'nvidia-gh100-leaf.der')!.expected
    const [extension] = facts.dice
    const content = extension!.content
    expect(content).toMatchObject({kind: 'composite-device-id', version: 1})
    expect(content.kind === 'composite-device-id' && toHex(content.fwid.digest)).toBe(expected.fwid)
    expect(facts.serial).toBe(expected.serial)
  })

  it('an LDevID of Caliptra carries a UEID', () => {
    const facts = certificateFacts(bytesOf('dice/ldevid_cert_ecc.der'))
    expect(facts.dice).toHaveLength(1)
    expect(facts.dice[0]).toMatchObject({oid: '2.23.133.5.4.4', critical: false, content: {kind: 'ueid'}})
  })
})
