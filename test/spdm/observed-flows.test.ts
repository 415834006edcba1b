/** What our requester and responder say to each other, as the observer sees it: every signature, every HMAC, every byte. */
import {describe, expect, it} from 'vitest'
import {
  type Datagram,
  Observer,
  offerKeyShare,
  type RequesterOptions,
  type ResponderOptions,
  type SpdmEvent,
  versionText,
} from '../../src/spdm/index.js'
import {bench} from './requester/bench.js'

const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14].map(version => [versionText(version), version] as const)

/** A whole connection, and what an observer who knows the secret of its session makes of it. */
async function observed(
  device: Partial<ResponderOptions>,
  offer: RequesterOptions['offer'] = {},
): Promise<SpdmEvent[]> {
  const datagrams: Datagram[] = []
  const secrets: Uint8Array[] = []
  const keyShare: RequesterOptions['keyShare'] = algorithm => {
    const {exchangeData, agree} = offerKeyShare(algorithm)
    return {
      exchangeData,
      agree: peer => {
        const secret = agree(peer)
        secrets.push(secret.slice())
        return secret
      },
    }
  }
  const {requester, wire} = bench({device, requester: {keyShare, offer}})
  wire.tamper = ({secured, request, response}) => {
    datagrams.push({secured, payload: request.slice()}, {secured, payload: response!.slice()})
    return response
  }
  const {version} = await requester.negotiate()
  await requester.challenge({summary: 'all'})
  await requester.measurements({which: 'each'})
  if (version >= 0x11) {
    const session = await requester.openSession({summary: 'tcb'})
    await session.measurements()
    await session.keyUpdate('requester')
    await session.vendorDefined(new Uint8Array(200))
    await session.keyUpdate('both')
    await session.end()
  }
  const observer = new Observer({secrets: {exchange: secrets}})
  return datagrams.flatMap(datagram => observer.observe({...datagram, maxPadding: 0}))
}

/** What is wrong in the eyes of the observer, and how many kinds of proofs it checked. */
function verdictOn(events: readonly SpdmEvent[]) {
  const proofs = events
    .flatMap(({points}) => points)
    .flatMap(({use, proof}) => (proof ? [`${use}: ${proof.status}`] : []))
  const wrong = [
    ...events.flatMap(({undecoded}) => undecoded ?? []),
    ...events.flatMap(({findings}) => findings.map(({message}) => message)),
    ...proofs.filter(proof => !proof.endsWith(': valid')),
  ]
  return {wrong, proofs: new Set(proofs).size}
}
const SOUND = {wrong: [], proofs: 5}
/** Without a session there are two signatures and no HMAC. */
const SOUND_1_0 = {wrong: [], proofs: 2}

describe.each(VERSIONS)('version %s', (_, version) => {
  it('everything is valid', async () => {
    expect(verdictOn(await observed({versions: [version]}))).toEqual(version < 0x11 ? SOUND_1_0 : SOUND)
  })

  it.skipIf(version < 0x12)('so it is in chunks, from NEGOTIATE_ALGORITHMS on', async () => {
    const events = await observed({versions: [version], dataTransferSize: 42}, {dataTransferSize: 42})
    expect(verdictOn(events)).toEqual(SOUND)
    expect(events.filter(({form}) => form === 'reassembled').map(({name}) => name)).toContain('NEGOTIATE_ALGORITHMS')
  })

  it('so it is when every answer is put off', async () => {
    const events = await observed({versions: [version], isSlow: () => true})
    expect(verdictOn(events)).toEqual(version < 0x11 ? SOUND_1_0 : SOUND)
  })

  it.skipIf(version < 0x13)('so it is in a connection of several keys', async () => {
    const capabilities = {multiKeyCap: 1, getKeyPairInfoCap: true}
    expect(verdictOn(await observed({versions: [version], capabilities}))).toEqual(SOUND)
  })
})
