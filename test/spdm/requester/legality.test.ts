/** Which request is legal in which phase of a connection and of a session. */
import {describe, expect, it} from 'vitest'
import {whyIllegal} from '../../../src/spdm/requester/legality.js'

describe('requests', () => {
  const READY = {version: 0x14, phase: 'negotiated', session: undefined} as const
  it.each([
    ['GET_VERSION', READY, true],
    ['GET_VERSION', {...READY, session: 'application'}, false],
    ['GET_DIGESTS', {...READY, phase: 'capabilities'}, false],
    ['GET_DIGESTS', {...READY, session: 'application'}, true],
    ['GET_DIGESTS', {...READY, session: 'handshake'}, false],
    ['GET_DIGESTS', {...READY, session: 'ended'}, false],
    ['CHALLENGE', {...READY, session: 'application'}, false],
    ['KEY_EXCHANGE', {...READY, version: 0x10}, false],
    ['KEY_EXCHANGE', READY, true],
    ['FINISH', READY, true],
    ['FINISH', {...READY, session: 'handshake'}, true],
    ['FINISH', {...READY, session: 'application'}, false],
    ['PSK_FINISH', READY, false],
    ['END_SESSION', {...READY, session: 'handshake'}, false],
    ['GET_CAPABILITIES', READY, false],
    ['HEARTBEAT', READY, false],
    ['HEARTBEAT', {...READY, session: 'application'}, true],
    ['GET_ENDPOINT_INFO', {...READY, version: 0x12}, false],
    ['SET_CERTIFICATE', READY, false],
  ] as const)('%s in %o: %s', (request, situation, isLegal) => {
    expect(whyIllegal(request, situation) === undefined).toBe(isLegal)
  })
})
