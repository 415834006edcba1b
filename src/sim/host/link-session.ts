/** The link TSM's session with a device, in the machine's state: from where it was opened to its end. */
import {STREAM_STATE} from '../../ide/index.js'
import {environment} from '../../kernel/index.js'
import type {Dsm} from '../machine.js'
import {
  assumedLink,
  type DeviceSpec,
  deviceSpec,
  inSession,
  mirror,
  sessionsLost,
  type StoredLink,
} from '../tsm/index.js'
import type {Host} from './facts.js'
import {kmPortOf} from './km-port.js'

/** Of devices that got their keys when somebody first asked (`identities.ts`). */
const HASH = 'sha384'

const hashOf = ({functions}: Host, bdf: string): Dsm['hash'] => functions.get(bdf)!.dsm?.hash ?? HASH

/** The device that `bdf` is function 0 of. Without an identity it can go on in sessions, but not open one. */
export function deviceAt(host: Host, bdf: string, identity: Dsm | undefined): DeviceSpec {
  const {dsm} = host.functions.get(bdf)!
  const port = kmPortOf(host, bdf)
  return deviceSpec({
    identity: identity ?? {hash: hashOf(host, bdf)},
    // only a TSM for the guest's side locks interfaces
    interfaces: dsm === null ? [] : [dsm],
    ports: port === undefined ? [] : [port],
    random: environment.random,
  })
}

export function setLink({machine, state}: Host, bdf: string, link: StoredLink | undefined): void {
  if (link === undefined) delete state.links[bdf]
  else state.links[bdf] = link
  mirror(machine, state, bdf)
}

/** What a conversation would have left that went well: another program's, say, at this very moment. */
export const assumedAt = (host: Host, bdf: string, streamId: number | undefined): StoredLink =>
  assumedLink({hash: hashOf(host, bdf), streamId, random: environment.random})

/**
 * Ends the TSM's session with `bdf`: K_SET_STOP for every key, END_SESSION. `isTold`: the device hears of it. A device that
 * has forgotten the session answers nothing.
 */
export function endSession(host: Host, bdf: string, isTold = true): void {
  const {device, tsm} = host.state.links[bdf] ?? {}
  if (device === undefined || tsm == null) return
  const end = (): StoredLink =>
    inSession({device, tsm}, {device: deviceAt(host, bdf, undefined), peer: bdf}, session => {
      try {
        session.stopStream()
      } finally {
        session.end()
      }
    }).link
  setLink(host, bdf, {device: isTold ? end().device : device, tsm: null})
}

/** The device loses session and keys, as by a function level reset, and the kernel's TSM core does not hear of it. */
export function forgetSession(host: Host, bdf: string): void {
  const link = host.state.links[bdf]
  if (link !== undefined) setLink(host, bdf, sessionsLost(link, deviceAt(host, bdf, undefined).dsm))
  for (const registers of host.now.ide[bdf]?.selective ?? [])
    if (registers.enable) registers.state = STREAM_STATE.insecure
}
