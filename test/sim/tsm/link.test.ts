/** One session at both ends, as every simulated TSM keeps it: what is said in it, and what becomes of it. */
import {expect, it} from 'vitest'
import {streamPort} from '../../../src/sim/dsm/index.js'
import {assumedLink, DeviceEnd, deviceSpec, inSession, isStoredLink, linkStatus} from '../../../src/sim/tsm/index.js'
import {TsmSession} from '../../../src/sim/tsm/tsm-session.js'
import type {Datagram} from '../../../src/spdm/index.js'
import {random} from '../../spdm/responder/peer.js'

const STREAM = 1
const spec = deviceSpec({identity: {hash: 'sha384'}, interfaces: [], ports: [streamPort(0x100)], random})
const talk = {device: spec, peer: 'the device'}

function made() {
  const {device, tsm} = assumedLink({hash: 'sha384', streamId: STREAM, random})
  return {device, tsm: tsm!}
}

const end = (session: TsmSession): void => {
  session.stopStream()
  session.end()
}

it('is fit for a state file, and both ends of it agree', () => {
  const link = made()
  expect(isStoredLink(JSON.parse(JSON.stringify(link)))).toBe(true)
  expect(linkStatus(link)).toMatchObject({phase: 'application', streamId: STREAM, keys: 6})
})

it('ends with six K_SET_STOP and END_SESSION, all of them records of the session', () => {
  const {device: before, tsm} = made()
  const device = new DeviceEnd(spec, before)
  const said: Datagram[] = []
  end(new TsmSession(tsm, request => (said.push(request), device.respond(request)), 'the device'))
  expect(said.map(({secured}) => secured)).toEqual(Array.from({length: 7}, () => true))
  expect(new Set(said.map(({payload}) => String(payload))).size).toBe(7)
  expect(device.memory()).toMatchObject({sessions: [], dsm: {ports: [{owner: null, lanes: {}}]}})
})

it.each([
  ['a secret that the device does not have', {secret: '00'.repeat(48), next: 0}],
  ['a sequence number that has been', {next: -1}],
])('takes no record with %s, and is over', (_, wrong) => {
  const {device, tsm} = inSession(made(), talk, session => session.ask(Uint8Array.of(0, 0, 0, 0))).link
  const {requester} = tsm!.session
  const spoilt = {...requester, ...wrong, next: wrong.next < 0 ? requester.next - 1 : requester.next}
  const {link, outcome} = inSession({device, tsm: {...tsm!, session: {...tsm!.session, requester: spoilt}}}, talk, end)
  expect(outcome).toEqual({errno: 'EIO'})
  // no keys outlive their session
  expect(link).toMatchObject({tsm: null, device: {sessions: [], dsm: {ports: [{owner: null, lanes: {}}]}}})
})

it('with a device that has forgotten it is over after two silences', () => {
  const {device, tsm} = made()
  const forgetful = {...device, sessions: []}
  const query = Uint8Array.of(0, 0, 0, 0)
  const once = inSession({device: forgetful, tsm}, talk, session => session.ask(query))
  expect([once.outcome, once.link.tsm === null]).toEqual([{errno: 'ETIMEDOUT'}, false])
  const twice = inSession({device: forgetful, tsm}, {...talk, probe: session => void session.ask(query)}, session =>
    session.ask(query),
  )
  expect([twice.outcome, twice.link.tsm]).toEqual([{errno: 'ETIMEDOUT'}, null])
})
