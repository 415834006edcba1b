/** The conversation of a connect, between the look at the machine before it and the change to the machine after it. */
import {environment} from '../../kernel/index.js'
import type {Fault} from '../faults.js'
import type {MachineStore} from '../store.js'
import type {StoredLink} from '../tsm/index.js'
import {hostOf} from './facts.js'
import {deviceAt} from './link-session.js'
import {beginConnect} from './link-tsm.js'
import type {StreamTrouble} from './streams.js'

/**
 * `before` and `after`: the link, as far as it was talked about. After a failure it is what the device has kept of it.
 */
export type Said =
  | {readonly before: StoredLink | undefined; readonly after: StoredLink; readonly errno?: string}
  | {readonly after: null; readonly errno?: string}

export const NOTHING_SAID: Said = {after: null}

export interface TalkContext {
  readonly trouble: StreamTrouble
  readonly fault: Fault | undefined
  readonly pause: (milliseconds: number) => Promise<void>
}

/**
 * Whatever SPDM or IDE_KM does not like: a firmware that fails, and a mailbox that does (Linux
 * drivers/crypto/ccp/sev-dev-tio.c, drivers/pci/doe.c), are the same to who asked.
 */
const FAILED = 'EIO'

/** Stream IDs of the wire; one that has no room there is refused when it is registered. */
const IDS = 256

/** Lets the TSM speak to `bdf`, which the caller has checked. Nothing is changed: the machine is told afterwards. */
export async function talk(store: MachineStore, bdf: string, {trouble, fault, pause}: TalkContext): Promise<Said> {
  const host = hostOf(store.machine, structuredClone(store.state()))!
  const begun = beginConnect(host, host.functions.get(bdf)!, trouble)
  if (typeof begun === 'string') return {after: null, errno: begun}
  if (host.platform.provider.spdm === 'none') return NOTHING_SAID
  // SPDM and certificates are not for those who only look
  const [{identitiesOf}, {checkChain}, {mischievous}, {isRefusal, openTsmSession}] = await Promise.all([
    import('./identities.js'),
    import('./chain-check.js'),
    import('./connect-mischief.js'),
    import('../tsm/index.js'),
  ])
  const identity = host.functions.get(bdf)!.dsm ?? (await identitiesOf(store)).devices[bdf]!
  const spec = deviceAt(host, bdf, identity)
  const before = host.state.links[bdf]
  const {device, wire, sending} = mischievous(spec, before?.device, fault, pause)
  const id = begun.stream?.stream.id
  try {
    const tsm = await openTsmSession({
      wire,
      peer: bdf,
      random: environment.random,
      stream: id === undefined ? null : {id: id % IDS, port: spec.dsm.ports[0]!},
      checkChain,
      sending,
    })
    return {before, after: {device: device.memory(), tsm}}
  } catch (error) {
    if (!isRefusal(error)) throw error
    return {before, after: {device: device.memory(), tsm: null}, errno: FAILED}
  }
}
