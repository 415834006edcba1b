/** The device security manager of a simulated device: what answers IDE_KM and TDISP inside an SPDM session. */
import {IDE_KM_PROTOCOL} from '../../ide/index.js'
import {
  TDISP_PROTOCOL,
  type TdiAddress,
  type TdiEnvironmentEvent,
  tdispMessage,
  type TdiState,
} from '../../tdisp/index.js'
import {KeyManagement, type KmPortSpec} from './ide-km.js'
import type {DsmMemory} from './memory.js'
import {TdispResponder, type TdispSpec} from './tdisp.js'

export type {KmPortSpec} from './ide-km.js'
export {type DsmMemory, isDsmMemory, type LaneMemory, type PortMemory, type TdiMemory} from './memory.js'
export {DEFAULT_STREAM, streamPort} from './stream-port.js'
export type {RangeOfTdi, TdiSpec} from './tdi.js'
export type {TdispSpec, VendorOfMessage} from './tdisp.js'

export interface DsmSpec {
  /** Port 0 first. Without ports there is no IDE_KM, and no stream to lock an interface over. */
  readonly ports: readonly KmPortSpec[]
  readonly tdisp: Omit<TdispSpec, 'isStreamRunning'>
}

export interface SimulatedDsm {
  /**
   * Answers the payload of a PCI-SIG vendor-defined message, ProtocolID first, that came inside the secured session of
   * this number; undefined means no answer at all. Never throws for any bytes.
   */
  vendor(payload: Uint8Array, session: number): Uint8Array | undefined
  /** The session is over: its keys are forgotten, and what was locked over it goes to ERROR. */
  sessionEnded(session: number): void
  /** Something happens to a TDI without a message. */
  disturb(tdi: TdiAddress, event: TdiEnvironmentEvent): void
  /** A stream goes to Insecure by itself: an error on the link, or a reset. */
  streamInsecure(streamId: number): void
  stateOf(tdi: TdiAddress): TdiState | undefined
  /** What `createDsm` needs to go on elsewhere. */
  memory(): DsmMemory
}

/** A DSM after power-on, or as `memory` of the same specification has it. */
export function createDsm({ports, tdisp}: DsmSpec, memory: DsmMemory = {tdis: [], ports: []}): SimulatedDsm {
  const keys = new KeyManagement(ports, streamId => interfaces.streamStopped(streamId), memory.ports)
  const interfaces = new TdispResponder(
    {...tdisp, isStreamRunning: (streamId, session) => keys.isRunning(streamId, session)},
    memory.tdis,
  )
  return {
    vendor(payload, session) {
      if (payload[0] === IDE_KM_PROTOCOL) return keys.handle(payload, session)
      return payload[0] === TDISP_PROTOCOL ? interfaces.handle(tdispMessage(payload), session) : undefined
    },
    sessionEnded(session) {
      interfaces.sessionEnded(session)
      keys.sessionEnded(session)
    },
    disturb: (tdi, event) => interfaces.disturb(tdi, event),
    streamInsecure: streamId => keys.streamInsecure(streamId),
    stateOf: tdi => interfaces.stateOf(tdi),
    memory: () => ({tdis: interfaces.memory, ports: keys.memory}),
  }
}
