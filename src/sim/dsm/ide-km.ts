/**
 * A device's side of IDE_KM (PCIe r6.2 §6.33.3). A simulated link enciphers nothing; keys are kept so that both ends of
 * a link can be compared. What the specification discards is answered with silence: wrong sizes, unknown objects, a key set that
 * was not programmed exactly so, another session than the one that owns the port.
 */
import {DecodeError, type Fields, fromHex, type Layout, toHex, type View} from '../../bits/index.js'
import {
  decodeIdeRegisters,
  keyFromWire,
  KM_KEY_PROG,
  KM_KEY_PROG_ACK,
  KM_KEY_SET_GO,
  KM_KEY_SET_GOSTOP_ACK,
  KM_KEY_SET_STOP,
  KM_OBJECT,
  KM_QUERY,
  KM_QUERY_RESPONSE,
  SUB_STREAM,
  SUB_STREAM_NAMES,
} from '../../ide/index.js'
import type {PortMemory} from './memory.js'

export interface KmPortSpec {
  readonly segment?: number
  readonly bus: number
  /** Device [7:3], function [2:0]. */
  readonly deviceFunction: number
  /** IDE registers of the port from the capability register on; its Stream IDs are the ones that can be keyed. */
  readonly registers: Uint8Array
}

/** Status of KP_ACK. */
const SUCCESS = 0
const UNSUPPORTED_PORT = 2
const UNSUPPORTED_VALUE = 3
const UNSPECIFIED_FAILURE = 4

type Selector = Pick<View<typeof KM_KEY_SET_GO.fields>, 'streamId' | 'keySet' | 'transmit' | 'subStream' | 'portIndex'>

/** Sub-stream and direction of one stream. */
interface Lane {
  /** Key by key set, 32 bytes as FIPS 197 numbers them. */
  readonly programmed: Map<number, Uint8Array>
  /** The key set in use. */
  active: number | undefined
}

const LANES = Object.values(SUB_STREAM).length * 2

class Port {
  readonly spec: KmPortSpec
  readonly streams: ReadonlySet<number>
  /** Lanes that hold a key, by stream. */
  readonly lanes = new Map<number, Map<string, Lane>>()
  /** The session whose keys these are. */
  owner: number | undefined

  constructor(spec: KmPortSpec, memory: PortMemory = {owner: null, lanes: {}}) {
    const {linkStreams, selectiveStreams} = decodeIdeRegisters(spec.registers)
    this.spec = spec
    this.streams = new Set([...linkStreams, ...selectiveStreams].map(({streamId}) => streamId))
    this.owner = memory.owner ?? undefined
    for (const [place, {keys, active}] of Object.entries(memory.lanes)) {
      const [stream, lane] = splitAt(place)
      const programmed = new Map(Object.entries(keys).map(([keySet, key]) => [Number(keySet), fromHex(key)]))
      this.#lanesOf(stream).set(lane, {programmed, active: active ?? undefined})
    }
  }

  get memory(): PortMemory {
    const lanes = [...this.lanes].flatMap(([stream, of]) =>
      [...of].map(([lane, {programmed, active}]) => {
        const keys = Object.fromEntries([...programmed].map(([keySet, key]) => [keySet, toHex(key)]))
        return [`${stream}/${lane}`, {keys, active: active ?? null}] as const
      }),
    )
    return {owner: this.owner ?? null, lanes: Object.fromEntries(lanes)}
  }

  #lanesOf(streamId: number): Map<string, Lane> {
    const known = this.lanes.get(streamId)
    if (known !== undefined) return known
    const made = new Map<string, Lane>()
    this.lanes.set(streamId, made)
    return made
  }

  lane({streamId, subStream, transmit}: Selector): Lane | undefined {
    return this.lanes.get(streamId)?.get(`${subStream}/${transmit}`)
  }

  program({streamId, subStream, transmit, keySet}: Selector, key: Uint8Array): void {
    const lanes = this.#lanesOf(streamId)
    const lane = lanes.get(`${subStream}/${transmit}`) ?? {programmed: new Map(), active: undefined}
    lane.programmed.set(keySet, key)
    lanes.set(`${subStream}/${transmit}`, lane)
  }

  /** All keys of all sub-streams, both ways, are in use. */
  isRunning(streamId: number): boolean {
    const lanes = [...(this.lanes.get(streamId)?.values() ?? [])]
    return lanes.length === LANES && lanes.every(({active}) => active !== undefined)
  }

  running(): number[] {
    return [...this.lanes.keys()].filter(streamId => this.isRunning(streamId))
  }

  /** All keys of a stream are forgotten. */
  drop(streamId: number): void {
    this.lanes.delete(streamId)
    if (this.lanes.size === 0) this.owner = undefined
  }

  stop(selector: Selector, lane: Lane): void {
    const {streamId, subStream, transmit, keySet} = selector
    lane.programmed.delete(keySet)
    if (lane.active === keySet) lane.active = undefined
    if (lane.programmed.size > 0) return
    const lanes = this.lanes.get(streamId)!
    lanes.delete(`${subStream}/${transmit}`)
    if (lanes.size === 0) this.drop(streamId)
  }
}

/** Stream, and place within it, of a lane in memory. */
function splitAt(place: string): [number, string] {
  const [stream, ...lane] = place.split('/')
  return [Number(stream), lane.join('/')]
}

export class KeyManagement {
  readonly #ports: readonly Port[]
  readonly #streamStopped: (streamId: number) => void

  /**
   * Port 0 is the one whose DOE this is. `streamStopped` hears of every stream of port 0 that ran and does not any more.
   * Throws DecodeError when a port's registers contradict themselves.
   */
  constructor(
    ports: readonly KmPortSpec[],
    streamStopped: (streamId: number) => void = () => {},
    memory: readonly PortMemory[] = [],
  ) {
    this.#ports = ports.map((spec, i) => new Port(spec, memory[i]))
    this.#streamStopped = streamStopped
  }

  get memory(): readonly PortMemory[] {
    return this.#ports.map(port => port.memory)
  }

  /** A stream of port 0 goes to Insecure by itself: its keys are gone. */
  streamInsecure(streamId: number): void {
    const port = this.#ports[0]
    if (port === undefined) return
    const ran = port.isRunning(streamId)
    port.drop(streamId)
    if (ran) this.#streamStopped(streamId)
  }

  /** Whether a stream of port 0 runs with keys that came over `session`. */
  isRunning(streamId: number, session: number): boolean {
    const port = this.#ports[0]
    return port !== undefined && port.owner === session && port.isRunning(streamId)
  }

  /** The keys that came over a session end with it. */
  sessionEnded(session: number): void {
    for (const port of this.#ports.filter(({owner}) => owner === session)) {
      const stopped = port.running()
      port.lanes.clear()
      port.owner = undefined
      if (port === this.#ports[0]) for (const streamId of stopped) this.#streamStopped(streamId)
    }
  }

  /** Answer to an object, ProtocolID first; undefined when it is discarded. Never throws. */
  handle(payload: Uint8Array, session: number): Uint8Array | undefined {
    switch (payload[1]) {
      case KM_OBJECT.query:
        return this.#query(read(KM_QUERY, payload), session)
      case KM_OBJECT.keyProg:
        return this.#keyProg(read(KM_KEY_PROG, payload), session)
      case KM_OBJECT.keySetGo:
        return this.#switch(read(KM_KEY_SET_GO, payload), session, go)
      case KM_OBJECT.keySetStop:
        return this.#switch(read(KM_KEY_SET_STOP, payload), session, (port, selector, lane) =>
          port.stop(selector, lane),
        )
      default:
        return undefined
    }
  }

  /** A port there is, and that no other session owns. */
  #open(portIndex: number, session: number): Port | undefined {
    const port = this.#ports[portIndex]
    return port?.owner === undefined || port.owner === session ? port : undefined
  }

  #query(query: View<typeof KM_QUERY.fields> | undefined, session: number): Uint8Array | undefined {
    if (query === undefined) return undefined
    const {portIndex} = query
    const port = this.#open(portIndex, session)
    if (port === undefined) return undefined
    const {segment = 0, bus, deviceFunction, registers} = port.spec
    const maxPortIndex = this.#ports.length - 1
    return KM_QUERY_RESPONSE.encode({portIndex, segment, bus, deviceFunction, maxPortIndex, registers})
  }

  #keyProg(request: View<typeof KM_KEY_PROG.fields> | undefined, session: number): Uint8Array | undefined {
    if (request === undefined) return undefined
    const selector = selectorOf(request)
    const answer = (status: number): Uint8Array => KM_KEY_PROG_ACK.encode({...selector, status})
    if (this.#ports[selector.portIndex] === undefined) return answer(UNSUPPORTED_PORT)
    const port = this.#open(selector.portIndex, session)
    if (port === undefined) return undefined
    const {streamId, subStream, keySet} = selector
    if (SUB_STREAM_NAMES[subStream] === undefined || !port.streams.has(streamId)) return answer(UNSUPPORTED_VALUE)
    // a key in use is not changed underneath the link: keys are renewed in the other key set
    if (port.lane(selector)?.active === keySet) return answer(UNSPECIFIED_FAILURE)
    port.program(selector, keyFromWire(request.key))
    port.owner = session
    return answer(SUCCESS)
  }

  #switch(
    request: View<typeof KM_KEY_SET_GO.fields> | View<typeof KM_KEY_SET_STOP.fields> | undefined,
    session: number,
    apply: (port: Port, selector: Selector, lane: Lane) => void,
  ): Uint8Array | undefined {
    if (request === undefined) return undefined
    const selector = selectorOf(request)
    const port = this.#open(selector.portIndex, session)
    const lane = port?.lane(selector)
    if (port === undefined || lane?.programmed.has(selector.keySet) !== true) return undefined
    const ran = port.isRunning(selector.streamId)
    apply(port, selector, lane)
    if (ran && !port.isRunning(selector.streamId) && port === this.#ports[0]) this.#streamStopped(selector.streamId)
    return KM_KEY_SET_GOSTOP_ACK.encode({...selector})
  }
}

const go = (_port: Port, {keySet}: Selector, lane: Lane): void => {
  lane.active = keySet
}

const selectorOf = ({streamId, keySet, transmit, subStream, portIndex}: Selector): Selector => ({
  streamId,
  keySet,
  transmit,
  subStream,
  portIndex,
})

/** Undefined for an object of the wrong size. */
function read<T extends Fields>(layout: Layout<T>, payload: Uint8Array): View<T> | undefined {
  try {
    return layout.decode(payload)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
