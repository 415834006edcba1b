/** A device as its mailbox shows it: SPDM, sessions, and its protocols inside them. */
import {describe, expect, it} from 'vitest'
import {CMA_SPDM, SECURED_CMA_SPDM} from '../../src/pci/index.js'
import {spdmMailbox, withDsm} from '../../src/sim/spdm-mailbox.js'
import {GET_VERSION, PCI_SIG_VENDOR, Responder, VENDOR_DEFINED_REQUEST} from '../../src/spdm/index.js'
import {errorName, labOptions, Peer, REQUESTER} from '../spdm/responder/peer.js'

const options = await labOptions()

describe('a mailbox with a responder behind it', () => {
  const {answer} = spdmMailbox(new Responder(options))

  it('answers SPDM with SPDM, and nothing else', () => {
    const payload = GET_VERSION.encode({})
    expect(answer!({...CMA_SPDM, payload})).toMatchObject(CMA_SPDM)
    expect(answer!({vendor: 1, type: 0, payload})).toBeUndefined()
    expect(answer!({...SECURED_CMA_SPDM, payload})).toBeUndefined()
  })
})

describe('a responder with a DSM', () => {
  const said: string[] = []
  const dsm = {
    vendor: (payload: Uint8Array, session: number) => (said.push(`vendor ${session.toString(16)}`), payload),
    sessionEnded: (session: number) => void said.push(`ended ${session.toString(16)}`),
    disturb: () => {},
    stateOf: () => undefined,
  }
  const request = VENDOR_DEFINED_REQUEST.encode({
    spdmVersion: 0x12,
    standardId: 3,
    vendorId: PCI_SIG_VENDOR,
    payload: Uint8Array.of(1),
  })

  it('lets it answer inside sessions alone, and tells it when they are over', () => {
    const peer = new Peer(withDsm(options, dsm)).negotiate()
    expect(peer.ask(request)).toBeUndefined()
    const session = peer.exchange().finish()
    expect(errorName(session.ask(request))).toBe('VENDOR_DEFINED_RESPONSE')
    peer.ask(GET_VERSION.encode({}))
    expect(said).toEqual(['vendor ffffffff', 'ended ffffffff'])
  })

  it.each([
    [{aead: 'aes-128-gcm'}, REQUESTER],
    [{aead: 'chacha20-poly1305'}, REQUESTER],
    [{}, {...REQUESTER, encryptCap: false}],
  ])('lets it answer in no session with %o whose records are not AES-256-GCM', async (spec, flags) => {
    said.length = 0
    const peer = new Peer(withDsm(await labOptions(spec), dsm)).negotiate({flags})
    const session = peer.exchange().finish()
    expect(session.ask(request)).toBeUndefined()
    expect(said).toEqual([])
  })
})
