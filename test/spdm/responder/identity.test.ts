/** Who a responder is, in every form it can say it. */
import {describe, expect, it} from 'vitest'
import {createLabDevice} from '../../../src/sim/lab-device.js'
import {
  CERTIFICATE,
  DIGESTS,
  DMTF_MEL,
  DMTF_OID,
  ENDPOINT_INFO,
  GET_CERTIFICATE,
  GET_DIGESTS,
  GET_ENDPOINT_INFO,
  GET_MEASUREMENT_EXTENSION_LOG,
  loadCertificateReader,
  MEASUREMENT_EXTENSION_LOG,
  parseCertificateChain,
  verifySignature,
} from '../../../src/spdm/index.js'
import {errorName, labOptions, Peer, random, REQUESTER} from './peer.js'

const {certificateFacts} = await loadCertificateReader()
const options = await labOptions()

describe('certificate chains', () => {
  it.each([
    ['device', 3],
    ['alias', 4],
  ] as const)('of the %s model have %i certificates, each signed by the one above', async (model, count) => {
    const {options: made, root} = await createLabDevice({random, model})
    const chain = parseCertificateChain(new Peer(made).negotiate().chain(), 48)
    const facts = chain.certificates.map(({der}) => certificateFacts(der))
    expect(facts).toHaveLength(count)
    expect(chain.certificates[0]!.der).toEqual(root)
    expect(
      facts.map(({subject, issuer}, i) => i > 0 && issuer === facts[i - 1]!.subject && subject !== issuer),
    ).toEqual([false, ...Array.from({length: count - 1}, () => true)])
    expect(facts.map(({basicConstraints}) => basicConstraints?.ca)).toEqual([
      ...Array.from({length: count - 1}, () => true),
      false,
    ])
    const leaf = facts.at(-1)!
    expect(leaf.extendedKeyUsage).toContain(DMTF_OID.responderAuth)
    expect(leaf.dice).toHaveLength(model === 'alias' ? 1 : 0)
    const {flags} = new Peer(made).negotiate().connection.responder
    expect(flags.aliasCertCap).toBe(model === 'alias')
  })

  it('come in portions that join, in the short and in the large form', () => {
    const peer = new Peer(options).negotiate({version: 0x14})
    const all = peer.chain()
    const request = {spdmVersion: 0x14, largeCertChain: true, largeOffset: 10, largeLength: 20}
    const answer = CERTIFICATE.decode(peer.ask(GET_CERTIFICATE.encode(request))!)
    expect(answer.certChain).toEqual(all.subarray(10, 30))
    expect(answer.largeRemainderLength).toBe(all.length - 30)
    const short = CERTIFICATE.decode(peer.ask(GET_CERTIFICATE.encode({spdmVersion: 0x14, offset: 10, length: 20}))!)
    expect(short.certChain).toEqual(answer.certChain)
  })

  it('can be asked for their size', () => {
    const slots = options.slots.map(slot => ({...slot, capacity: 5000}))
    const peer = new Peer({...options, slots}).negotiate({version: 0x13})
    const answer = CERTIFICATE.decode(peer.ask(GET_CERTIFICATE.encode({spdmVersion: 0x13, slotSizeRequested: true}))!)
    expect([answer.portionLength, answer.remainderLength]).toEqual([0, 5000])
  })

  it('say whose keys they are in a multi-key connection', async () => {
    const multiKey = await labOptions({slots: [0, 4]}, {capabilities: {multiKeyCap: 2, getKeyPairInfoCap: true}})
    const slots = multiKey.slots.map(slot => ({...slot, keyPairId: slot.slot + 1, keyUsage: slot.slot === 4 ? 2 : 15}))
    const peer = new Peer({...multiKey, slots, supportedSlots: 0x1f}).negotiate({
      version: 0x13,
      multiKey: true,
      flags: {...REQUESTER, multiKeyCap: 2},
    })
    const digests = DIGESTS.decode(peer.ask(GET_DIGESTS.encode({spdmVersion: 0x13}))!, peer.context())
    expect([digests.supportedSlotMask, digests.provisionedSlotMask]).toEqual([0x1f, 0x11])
    expect([...digests.keyPairIds!]).toEqual([1, 5])
    expect(digests.keyUsageMasks!.map(({mask}) => mask)).toEqual([15, 2])
    // the key of slot 4 is for challenges alone
    expect(() => peer.exchange(1, 4)).toThrow('InvalidRequest')
  })
})

describe('since 1.3', () => {
  const spdmVersion = 0x13
  const log = DMTF_MEL.encode({
    entries: [{melIndex: 1, measurementIndex: 1, valueType: 9, rawBitStream: true, value: random(100)}],
  })
  const peer = new Peer({...options, measurementLog: log, endpointInfo: Uint8Array.of(0, 0, 0, 0)}).negotiate({
    version: spdmVersion,
  })

  const ask = (offset: number) => peer.ask(GET_MEASUREMENT_EXTENSION_LOG.encode({spdmVersion, offset, length: 50}))

  it('sends its measurement extension log in portions', () => {
    const first = MEASUREMENT_EXTENSION_LOG.decode(ask(0)!)
    expect([first.portion.length, first.remainderLength]).toEqual([50, log.length - 50])
    expect(first.portion).toEqual(log.subarray(0, 50))
    expect(errorName(ask(log.length))).toBe('InvalidRequest')
  })

  it('signs what kind of endpoint it is', () => {
    const request = GET_ENDPOINT_INFO.encode({spdmVersion, subCode: 1, signatureRequested: true, nonce: random(32)})
    const answer = peer.ask(request)!
    const {endpointInfo, signature} = ENDPOINT_INFO.decode(answer, peer.context())
    expect(endpointInfo).toHaveLength(4)
    const {version, hash, asym} = peer.connection
    const unsigned = answer.subarray(0, answer.length - signature.length)
    const transcript = peer.transcripts.endpointInfo(request, unsigned).bytes()
    const leaf = certificateFacts(options.slots[0]!.certificates.at(-1)!)
    expect(
      verifySignature(
        {version, context: 'responder-endpoint_info signing', hash: hash!, asym: asym!, transcript},
        leaf.spki,
        signature,
      ),
    ).toEqual({status: 'valid'})
  })

  it('does not answer what it cannot do', () => {
    const plain = new Peer(options).negotiate({version: spdmVersion})
    for (const request of [
      GET_ENDPOINT_INFO.encode({spdmVersion, subCode: 1}),
      GET_MEASUREMENT_EXTENSION_LOG.encode({spdmVersion, length: 1}),
    ])
      expect(errorName(plain.ask(request))).toBe('UnsupportedRequest')
  })
})
