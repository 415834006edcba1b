/** A requester that never comes to the point: what a responder keeps for it has an end. */
import {describe, expect, it} from 'vitest'
import {GET_CERTIFICATE, GET_DIGESTS, GET_MEASUREMENTS} from '../../../src/spdm/index.js'
import {errorName, labOptions, Peer} from './peer.js'

const options = await labOptions({asym: 'ecdsa-p256', hash: 'sha256', exchange: 'secp256r1'})
/** More than a transcript holds of either. */
const ROUNDS = 6000

describe.each([0x11, 0x12])('version %i', spdmVersion => {
  it.each([
    ['certificates', GET_CERTIFICATE.encode({spdmVersion, slotId: 0, offset: 0, length: 0xffff})],
    ['measurements without signature', GET_MEASUREMENTS.encode({spdmVersion, measurementOperation: 0xff})],
  ])('endless %s end in an ERROR, and what begins again is answered', (_, request) => {
    const peer = new Peer(options).negotiate({version: spdmVersion})
    const ask = (): string => errorName(peer.ask(request), {signatureSize: 0})
    const first = ask()
    let rounds = 0
    while (rounds++ < ROUNDS && ask() === first);
    expect(rounds).toBeLessThan(ROUNDS)
    peer.ask(GET_DIGESTS.encode({spdmVersion}))
    expect(ask()).toBe(first)
  })
})
