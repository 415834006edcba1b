/** A device's side of the TSM's session, as the machine's state has it between two operations. */
import {KM_KEY_SET_STOP, SUB_STREAM} from '../../ide/index.js'
import {environment} from '../../kernel/index.js'
import {type HeldKey, keyPrint} from '../dsm/held-key.js'
import {KeyManagement, type KmPortSpec} from '../dsm/ide-km.js'
import {kmPortOf} from './km-port.js'
import type {Host} from './facts.js'
import type {DeviceState, LinkState} from './types.js'

/** What a session leaves behind at the two sides. */
export interface Keyed {
  readonly link: LinkState
  readonly device: DeviceState
}

const KEY_SET = 0
const KEY_SIZE = 32

const newSession = (): number => new DataView(environment.random(4).buffer).getUint32(0, true)

/** What a connect that was not acted out has left: the keys of one stream, crosswise at both ends, all in use. */
export function assumedKeys(streamId: number | undefined): Keyed {
  const session = newSession()
  const near: HeldKey[] = []
  const far: HeldKey[] = []
  if (streamId !== undefined)
    for (const subStream of Object.values(SUB_STREAM))
      for (const transmit of [0, 1]) {
        const print = keyPrint(environment.random(KEY_SIZE))
        const key = {streamId, keySet: KEY_SET, subStream, print, running: true}
        near.push({...key, transmit})
        far.push({...key, transmit: 1 - transmit})
      }
  return {link: {session, keys: near}, device: {session, keys: far}}
}

/**
 * Ends the TSM's session with `bdf`: K_SET_STOP for every key, END_SESSION. Both sides keep only what the session was, not
 * its record keys, so that the messages reach the DSM as they are inside the records. `isTold`: the device hears of it. A
 * device that has forgotten the session, or has another, answers nothing.
 */
export function endSession(host: Host, bdf: string, isTold = true): void {
  const {now} = host
  const link = now.links[bdf]
  const device = now.devices[bdf]
  delete now.links[bdf]
  if (link === undefined || device?.session !== link.session || !isTold) return
  const dsm = dsmOf(kmPortOf(host, bdf), device)
  for (const {streamId, keySet, transmit, subStream, running} of device.keys)
    if (running) dsm.handle(KM_KEY_SET_STOP.encode({streamId, keySet, transmit, subStream, portIndex: 0}), link.session)
  dsm.sessionEnded(link.session)
  if (dsm.held().keys.length === 0) delete now.devices[bdf]
}

/** The DSM as the last operation left it. */
export function dsmOf(port: KmPortSpec | undefined, device: DeviceState | undefined): KeyManagement {
  const dsm = new KeyManagement(port === undefined ? [] : [port])
  if (device !== undefined) dsm.restore(device.session, device.keys)
  return dsm
}
