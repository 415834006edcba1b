/** The conversation of a connect, between the look at the machine before it and the change to the machine after it. */
import {environment} from '../../kernel/index.js'
import type {Fault} from '../faults.js'
import type {MachineStore} from '../store.js'
import {dsmOf, type Keyed} from './device-keys.js'
import {hostOf} from './facts.js'
import {kmPortOf} from './km-port.js'
import {beginConnect} from './link-tsm.js'
import type {StreamTrouble} from './streams.js'
import type {DeviceState} from './types.js'

/** `keyed` is null when nothing was said; a failure tells what the device kept. */
export type Said = {readonly keyed: Keyed | null} | {readonly errno: string; readonly device: DeviceState | undefined}

export const NOTHING_SAID: Said = {keyed: null}

export interface TalkContext {
  readonly trouble: StreamTrouble
  readonly fault: Fault | undefined
  readonly pause: (milliseconds: number) => Promise<void>
}

/** Lets the TSM speak to `bdf`, which the caller has checked. Nothing is changed: the machine is told afterwards. */
export async function talk(store: MachineStore, bdf: string, {trouble, fault, pause}: TalkContext): Promise<Said> {
  const host = hostOf(store.machine, structuredClone(store.state()))!
  const begun = beginConnect(host, host.functions.get(bdf)!, trouble)
  const before = host.now.devices[bdf]
  if (typeof begun === 'string') return {errno: begun, device: before}
  if (host.platform.provider.spdm === 'none') return NOTHING_SAID
  // SPDM and certificates are not for those who only look
  const [{identitiesOf}, {converse}] = await Promise.all([import('./identities.js'), import('./session.js')])
  const identity = host.functions.get(bdf)!.dsm ?? (await identitiesOf(store)).devices[bdf]!
  const port = kmPortOf(host, bdf)
  return converse({
    bdf,
    identity,
    port,
    streamId: begun.stream?.stream.id,
    dsm: dsmOf(port, before),
    before,
    fault,
    random: environment.random,
    pause,
  })
}
