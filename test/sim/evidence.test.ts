import {createHash, verify, X509Certificate} from 'node:crypto'
import {beforeEach, describe, expect, it} from 'vitest'
import {decodeAttributes} from '../../src/kernel/index.js'
import {
  asymNamed,
  hashNamed,
  loadCertificateReader,
  parseCertificateChain,
  parseMeasurements,
  parseVca,
  pathProblems,
  leafProblems,
  verifySignature,
} from '../../src/spdm/index.js'
import {machineStatus, publications, SCENARIO_TEXTS} from '../../src/sim/index.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {attribute, dump, evidenceRequest, request, u32} from './dump.js'
import {GPU, lockDevice, machines, NVME, PLAIN, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
beforeEach(async () => {
  machine = await make()
})

const NONCE = Uint8Array.from({length: 32}, (_, i) => 0xa0 + i)
const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest()

const withNonce = (mode: string) => ({name: mode, text: `nonce: ${mode}\n${SCENARIO_TEXTS['guest']!}`})

/** Certificates of a chain object, by the length each states. */
function certificatesOf(chain: Buffer): Buffer[] {
  const out: Buffer[] = []
  for (let at = 52; at < chain.length;) {
    const end = at + 4 + chain.readUInt16BE(at + 2)
    out.push(chain.subarray(at, end))
    at = end
  }
  return out
}

/** DSP0274 1.2: four times the version, zeros, the context, then the digest of VCA, request and unsigned response. */
function signatureIsValid({vca, measurements, cert0}: Record<string, Buffer>): boolean {
  const signed = measurements!.subarray(0, -96)
  const message = Buffer.concat([
    Buffer.from('dmtf-spdm-v1.2.*'.repeat(4)),
    Buffer.alloc(6),
    Buffer.from('responder-measurements signing'),
    sha384(Buffer.concat([vca!, signed])),
  ])
  const key = new X509Certificate(certificatesOf(cert0!).at(-1)!).publicKey
  return verify('sha384', message, {key, dsaEncoding: 'ieee-p1363'}, measurements!.subarray(-96))
}

describe('evidence of a locked device', () => {
  it('carries our nonce under a signature of the leaf key', async () => {
    await lockDevice(machine, GPU)
    const objects = await dump(machine.kernel, GPU, {nonce: NONCE})
    expect(objects['measurements']!.subarray(4, 36)).toEqual(Buffer.from(NONCE))
    expect(signatureIsValid(objects)).toBe(true)
    const {cert0, vca, measurements} = objects
    for (const at of [4, 45, measurements!.length - 1]) {
      const forged = Buffer.from(measurements!)
      forged.writeUInt8(255 - forged.readUInt8(at), at)
      expect(signatureIsValid({cert0: cert0!, vca: vca!, measurements: forged})).toBe(false)
    }
  })

  it('is what the SPDM room calls sound', async () => {
    await lockDevice(machine, GPU)
    const objects = await dump(machine.kernel, GPU, {nonce: NONCE})
    const vca = parseVca(objects['vca']!)
    expect(vca).toMatchObject({version: 0x12, versionOffered: true})
    expect(vca.selections.flatMap(({problems}) => problems)).toEqual([])
    expect([vca.hash?.name, vca.asym?.name, vca.aead]).toEqual(['sha384', 'ecdsa-p384', 'aes-256-gcm'])
    const [hash, asym] = [hashNamed('sha384')!, asymNamed('ecdsa-p384')!]
    const facts = parseMeasurements(objects['measurements']!, {asym, measurementHash: hash, vca})
    expect(facts).toMatchObject({complete: true, coversVca: true, trailing: undefined, problems: []})
    expect(
      facts.blocks.flatMap(({problems, representationProblems}) => [...problems, ...representationProblems]),
    ).toEqual([])
    expect(facts.blocks.map(({index, typeName}) => [index, typeName])).toEqual([
      [1, 'rom'],
      [2, 'firmware'],
      [3, 'hw-config'],
      [4, 'fw-config'],
      [0x10, 'svn'],
      [0xfe, 'device-mode'],
    ])
    const {certificateFacts} = await loadCertificateReader()
    const chain = parseCertificateChain(objects['cert0']!, 48).certificates.map(({der}) => certificateFacts(der))
    expect(pathProblems(chain)).toEqual([])
    expect(leafProblems(chain.at(-1)!, 0x13, asym)).toEqual([])
    const question = {
      version: 0x12,
      context: 'responder-measurements signing',
      hash,
      asym,
      transcript: facts.transcript!,
    } as const
    expect(verifySignature(question, chain.at(-1)!.spki, facts.signature!)).toEqual({status: 'valid'})
  })

  it('measures what the vendor published, except where the scenario says otherwise', async () => {
    const {models, root} = await publications(machine.directory)
    for (const [bdf, differing] of [
      [GPU, []],
      [NVME, [0xfe]],
    ] as const) {
      await lockDevice(machine, bdf)
      const objects = await dump(machine.kernel, bdf, {nonce: NONCE})
      const {blocks} = parseMeasurements(objects['measurements']!, {
        asym: asymNamed('ecdsa-p384')!,
        vca: parseVca(objects['vca']!),
      })
      const {reference} = models.find(({devices}) => devices.some(device => device.bdf === bdf))!
      const unlike = reference.filter(({index, digest, raw, svn}) => {
        const block = blocks.find(one => one.index === index)!
        if (svn !== undefined) return block.svn !== BigInt(svn)
        return Buffer.from(block.value).toString('hex') !== (digest ?? raw)
      })
      expect(unlike.map(({index}) => index)).toEqual(differing)
      const rootDer = certificatesOf(objects['cert0']!)[0]!
      expect(new Uint8Array(rootDer)).toEqual(root.der)
      expect(sha384(rootDer).toString('hex')).toBe(root.sha384)
      expect(objects['cert0']!.subarray(4, 52)).toEqual(sha384(rootDer))
    }
    expect(
      parseMeasurements((await dump(machine.kernel, NVME, {nonce: NONCE}))['measurements']!, {
        asym: asymNamed('ecdsa-p384')!,
      }).blocks.at(-1)!.deviceMode,
    ).toMatchObject({normalMode: true, invasiveDebug: true, invasiveDebugSinceReset: true, nonInvasiveDebug: false})
  })

  it("gives the TSM's digests of the objects last served", async () => {
    await lockDevice(machine, GPU)
    const objects = await dump(machine.kernel, GPU, {nonce: NONCE})
    const digests = await dump(machine.kernel, GPU, {digests: true})
    for (const label of ['cert0', 'vca', 'measurements', 'report'])
      expect([label, digests[label]]).toEqual([label, sha384(objects[label]!)])
    expect(digests['cert3']).toHaveLength(0)
    await dump(machine.kernel, GPU, {nonce: NONCE})
    expect((await dump(machine.kernel, GPU, {digests: true}))['measurements']).not.toEqual(digests['measurements'])
  })

  it('without a nonce is what was served before', async () => {
    await lockDevice(machine, GPU)
    const atLock = (await dump(machine.kernel, GPU))['measurements']!
    expect(atLock.subarray(4, 36)).toEqual(Buffer.alloc(32))
    expect((await dump(machine.kernel, GPU))['measurements']).toEqual(atLock)
    const fresh = (await dump(machine.kernel, GPU, {nonce: NONCE}))['measurements']!
    expect(fresh).not.toEqual(atLock)
    expect((await dump(machine.kernel, GPU))['measurements']).toEqual(fresh)
  })

  it('never comes with the same responder nonce twice', async () => {
    await lockDevice(machine, GPU)
    const nonces = new Set<string>()
    for (let i = 0; i < 4; i++) {
      const {measurements} = await dump(machine.kernel, GPU, {nonce: NONCE, mask: 0x200})
      nonces.add(measurements!.subarray(-96 - 2 - 32, -96 - 2).toString('hex'))
    }
    expect(nonces.size).toBe(4)
  })

  it('has no report once the TDI is in ERROR', async () => {
    await lockDevice(machine, GPU)
    expect((await dump(machine.kernel, GPU))['report']!.length).toBeGreaterThan(16)
    await machine.write(GPU, 'reset', '1')
    expect(machineStatus(machine.directory).devices[0]!.tdi).toBe('ERROR')
    expect((await dump(machine.kernel, GPU))['report']).toHaveLength(0)
    expect((await dump(machine.kernel, GPU, {digests: true}))['report']).toHaveLength(0)
  })
})

describe('what the provider does with a nonce', () => {
  it('may ignore it, as the posting of March 2026 did', async () => {
    const other = await make(withNonce('ignored'))
    await lockDevice(other, GPU)
    const objects = await dump(other.kernel, GPU, {nonce: NONCE})
    expect(objects['measurements']!.subarray(4, 36)).toEqual(Buffer.alloc(32))
    expect(signatureIsValid(objects)).toBe(true)
  })

  it('may refuse it', async () => {
    const other = await make(withNonce('refused'))
    await lockDevice(other, GPU)
    expect(await rejectedErrno(dump(other.kernel, GPU, {nonce: NONCE}))).toBe('EOPNOTSUPP')
    expect((await dump(other.kernel, GPU))['measurements']!.subarray(4, 36)).toEqual(Buffer.alloc(32))
  })
})

describe('the dump', () => {
  it('comes in fragments: type and first bytes, then bytes only', async () => {
    await lockDevice(machine, GPU)
    const messages = await machine.kernel.netlinkDump(evidenceRequest(GPU, {mask: 0x101}))
    const shape = messages.map(message => decodeAttributes(message).map(({type, value}) => [type, value.length]))
    const chain = (await dump(machine.kernel, GPU, {mask: 1}))['cert0']!
    expect(shape).toEqual([
      [
        [1, 4],
        [6, 1024],
      ],
      [[6, chain.length - 1024]],
      [
        [1, 4],
        [6, 144],
      ],
    ])
  })

  it('sends an object the device does not have as empty, and only what was asked for', async () => {
    await lockDevice(machine, GPU)
    expect(Object.keys(await dump(machine.kernel, GPU))).toHaveLength(11)
    expect(await dump(machine.kernel, GPU, {mask: 0b1000})).toEqual({cert3: Buffer.alloc(0)})
  })

  const device = attribute(4, Buffer.from(`${GPU}\0`))
  const types = attribute(2, u32(0x7ff))
  const flags = attribute(3, u32(0))
  it.each([
    ['no attributes', [], 'EINVAL'],
    ['no type mask', [flags, device], 'EINVAL'],
    ['no flags', [types, device], 'EINVAL'],
    ['no device', [types, flags], 'EINVAL'],
    ['an empty type mask', [attribute(2, u32(0)), flags, device], 'EINVAL'],
    ['an unknown type', [attribute(2, u32(0x800)), flags, device], 'EINVAL'],
    ['an unknown flag', [types, attribute(3, u32(2)), device], 'EINVAL'],
    ['a short type mask', [attribute(2, Buffer.alloc(2)), flags, device], 'EINVAL'],
    ['a long name', [types, flags, attribute(4, Buffer.alloc(40, 'x'))], 'EINVAL'],
    ['a long nonce', [types, flags, device, attribute(5, Buffer.alloc(257))], 'ERANGE'],
    ['a cut attribute', [types, flags, device, Buffer.from([9, 0, 5])], 'EINVAL'],
    ['an unknown device', [types, flags, attribute(4, Buffer.from('0000:77:00.0\0'))], 'ENODEV'],
    ['a device without DSM', [types, flags, attribute(4, Buffer.from(`${PLAIN}\0`))], 'ENXIO'],
    ['an unlocked device', [types, flags, device], 'ENXIO'],
  ])('of %s is refused: %#', async (_, attributes, errno) => {
    expect(await rejectedErrno(machine.kernel.netlinkDump(request(...attributes)))).toBe(errno)
  })

  it('needs root, the family, and a command of it', async () => {
    await lockDevice(machine, GPU)
    const asked = evidenceRequest(GPU)
    expect(await rejectedErrno(machine.open({privileged: false}).netlinkDump(asked))).toBe('EPERM')
    expect(await rejectedErrno(machine.kernel.netlinkDump({...asked, family: 'device-evidence'}))).toBe('ENOENT')
    expect(await rejectedErrno(machine.kernel.netlinkDump({...asked, command: 2}))).toBe('EOPNOTSUPP')
    expect(await rejectedErrno(machine.kernel.netlinkDump(asked, AbortSignal.abort()))).toBe('EINTR')
    for (const scenario of ['empty', 'bare'])
      expect(await rejectedErrno((await make(scenario)).kernel.netlinkDump(asked))).toBe('ENOENT')
  })

  it('ends with the lock', async () => {
    await lockDevice(machine, GPU)
    await machine.write(GPU, 'tsm/accept', '1')
    expect(Object.keys(await dump(machine.kernel, GPU))).toHaveLength(11)
    await machine.write(GPU, 'tsm/unlock', 'tsm0')
    expect(await rejectedErrno(dump(machine.kernel, GPU))).toBe('ENXIO')
  })
})

describe('certificates', () => {
  it('are those DSP0274 wants of a responder, read by OpenSSL', async () => {
    await lockDevice(machine, GPU)
    const {cert0} = await dump(machine.kernel, GPU, {mask: 1})
    const [root, intermediate, leaf] = certificatesOf(cert0!).map(der => new X509Certificate(der))
    expect([root!.ca, intermediate!.ca, leaf!.ca]).toEqual([true, true, false])
    expect(root!.verify(root!.publicKey)).toBe(true)
    expect(intermediate!.verify(root!.publicKey)).toBe(true)
    expect(leaf!.verify(intermediate!.publicKey)).toBe(true)
    expect(leaf!.checkIssued(intermediate!)).toBe(true)
    expect(leaf!.keyUsage).toEqual(['1.3.6.1.4.1.412.274.3'])
    expect(leaf!.validTo).toBe('Dec 31 23:59:59 9999 GMT')
    expect(Date.parse(root!.validTo) - Date.parse(root!.validFrom)).toBeGreaterThan(3650 * 86_400_000)
    for (const certificate of [root!, intermediate!, leaf!])
      expect(certificate.publicKey.asymmetricKeyDetails).toEqual({namedCurve: 'secp384r1'})
    const {identity} = machineStatus(machine.directory).devices[0]!
    expect(identity).toMatch(/^ACME:SIMGPU1:[0-9a-f]{16}$/)
    const {certificateFacts} = await loadCertificateReader()
    expect(JSON.stringify(certificateFacts(certificatesOf(cert0!)[2]!).deviceInfo)).toContain(identity.split(':')[2])
  })

  it('of two devices share the CAs and nothing else; of two machines, nothing', async () => {
    await lockDevice(machine, GPU)
    await lockDevice(machine, NVME)
    const chains = [await dump(machine.kernel, GPU), await dump(machine.kernel, NVME)].map(({cert0}) =>
      certificatesOf(cert0!),
    )
    expect(chains[0]!.slice(0, 2)).toEqual(chains[1]!.slice(0, 2))
    expect(chains[0]![2]).not.toEqual(chains[1]![2])
    const other = await make(withNonce('honoured'))
    expect((await publications(other.directory)).root.der).not.toEqual((await publications(machine.directory)).root.der)
  })
})
