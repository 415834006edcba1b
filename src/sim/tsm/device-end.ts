/** A device as its link shows it: an SPDM responder, and behind its sessions the DSM. */
import type {Datagram} from '../../spdm/index.js'
import {Responder, type ResponderOptions, sessionIdOf} from '../../spdm/index.js'
import {createDsm, type DsmSpec, type SimulatedDsm} from '../dsm/index.js'
import {withDsm} from '../spdm-mailbox.js'
import {responderOf, type StoredDevice, storedResponder} from './memory.js'

/** What a device is, apart from what it remembers. */
export interface DeviceSpec {
  readonly responder: ResponderOptions
  readonly dsm: DsmSpec
}

/** Stands between the sessions and the DSM: `answer` asks the DSM itself; undefined is silence. */
export type Interposer = (
  payload: Uint8Array,
  answer: (payload: Uint8Array) => Uint8Array | undefined,
  device: DeviceEnd,
) => Uint8Array | undefined

export class DeviceEnd {
  readonly dsm: SimulatedDsm
  readonly #responder: Responder
  /** Sessions that the device gave up by itself. */
  readonly #over = new Set<number>()

  /** As after power-on, or as `memory` of the same specification has it. */
  constructor({responder, dsm}: DeviceSpec, memory?: StoredDevice, interposed?: Interposer) {
    this.dsm = createDsm(dsm, memory?.dsm)
    const options = withDsm(responder, {
      ...this.dsm,
      vendor: (payload, session) => {
        const answer = (asked: Uint8Array): Uint8Array | undefined => this.dsm.vendor(asked, session)
        return interposed === undefined ? answer(payload) : interposed(payload, answer, this)
      },
    })
    this.#responder = new Responder(options, memory && responderOf(memory))
  }

  /** Answers one message; undefined for silence. */
  respond(request: Datagram): Datagram | undefined {
    const answer = this.#responder.respond(request)
    const session = request.secured ? sessionIdOf(request.payload) : undefined
    return session !== undefined && this.#over.has(session) ? undefined : answer
  }

  /** IDs of the sessions that are open or in their handshake. */
  get sessions(): readonly number[] {
    return this.#responder.sessions.filter(id => !this.#over.has(id))
  }

  /** The device gives up all sessions without telling anybody: a reset of its responder, say. */
  loseSessions(): void {
    for (const id of this.sessions) {
      this.#over.add(id)
      this.dsm.sessionEnded(id)
    }
  }

  memory(): StoredDevice {
    const {vca, sessions} = storedResponder(this.#responder.memory())
    return {vca, sessions: sessions.filter(({id}) => !this.#over.has(id)), dsm: this.dsm.memory()}
  }
}
