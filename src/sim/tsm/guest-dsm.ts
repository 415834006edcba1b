/** The DSMs of a guest's devices, and what happens to their TDIs without a message. */
import type {TdiAddress, TdiEnvironmentEvent} from '../../tdisp/index.js'
import {DEFAULT_STREAM, type DsmSpec, type KmPortSpec, streamPort} from '../dsm/index.js'
import type {Dsm, Machine, MachineState, SimFunction} from '../machine.js'
import type {DeviceSpec} from './device-end.js'
import {deviceSpec} from './device-spec.js'
import {sessionsLost, within} from './link.js'
import type {StoredLink} from './memory.js'

type Random = (length: number) => Uint8Array

export interface FunctionOfDsm extends SimFunction {
  readonly dsm: Dsm
}

/** The function whose DOE carries the sessions: the one that the DSM is called after, if the guest has it. */
export const ownerOf = (functions: readonly FunctionOfDsm[], name: string): FunctionOfDsm =>
  functions.find(({bdf}) => bdf === name) ?? functions[0]!

export const hasDsm = (fn: SimFunction): fn is FunctionOfDsm => fn.dsm !== null

/** Functions of the DSM called `name`, in the order of the machine. */
export const functionsOf = ({functions}: Machine, name: string): FunctionOfDsm[] =>
  functions.filter((fn): fn is FunctionOfDsm => fn.dsm?.name === name)

/** FUNCTION_ID. */
export const addressOf = ({interfaceId}: Dsm): TdiAddress => ({requesterId: interfaceId})

const spec = (machine: Machine, name: string, identity: Dsm | Pick<Dsm, 'hash'>, random: Random): DeviceSpec => {
  const functions = functionsOf(machine, name)
  const interfaces = functions.map(({dsm}) => dsm)
  // what a guest sees of its devices is not what is on the link: the port is the platform's, with a stream of its own,
  // even in a kernel that has a link TSM as well and shows it other registers
  return deviceSpec({identity, interfaces, ports: [portOf(machine, name)], random})
}

/** The port that has the DSM called `name` behind it, as the guest's platform knows it. */
export const portOf = (machine: Machine, name: string): KmPortSpec =>
  streamPort(ownerOf(functionsOf(machine, name), name).dsm.interfaceId)

/** The device of `fn`, to open a session with. */
export const wholeDevice = (machine: Machine, {dsm}: FunctionOfDsm, random: Random): DeviceSpec =>
  spec(machine, dsm.name, dsm, random)

/** The device of `fn`, to go on in a session with. */
export const deviceInSession = (machine: Machine, {dsm}: FunctionOfDsm, random: Random): DeviceSpec =>
  spec(machine, dsm.name, {hash: dsm.hash}, random)

/** Writes the states that the DSM called `name` has into the records of its functions. */
export function mirror(machine: Machine, state: MachineState, name: string): void {
  const tdis = state.links[name]?.device.dsm.tdis
  for (const [i, {bdf}] of functionsOf(machine, name).entries())
    state.functions[bdf]!.tdi.state = tdis?.[i]?.state ?? 'CONFIG_UNLOCKED'
}

/** Without a message nothing is random. */
const noRandom = (): never => {
  throw new RangeError('nothing to be random about')
}

type Change = (link: StoredLink, spec: DsmSpec) => StoredLink

/** Changes the link to the device of `fn` without a message. A device that was never talked to has nothing to lose. */
function change(machine: Machine, state: MachineState, fn: SimFunction, how: Change): void {
  if (!hasDsm(fn)) return
  const {name} = fn.dsm
  const link = state.links[name]
  if (link === undefined) return
  state.links[name] = how(link, deviceInSession(machine, fn, noRandom).dsm)
  mirror(machine, state, name)
}

/** `event` happens to a function; where it is the one that has the DSM, a reset is one of all its functions. */
export function disturb(machine: Machine, state: MachineState, fn: SimFunction, event: TdiEnvironmentEvent): void {
  if (!hasDsm(fn)) return
  const functions = functionsOf(machine, fn.dsm.name)
  const isOfAll = event === 'function level reset' && ownerOf(functions, fn.dsm.name) === fn
  change(machine, state, fn, (link, dsmSpec) =>
    within(link, dsmSpec, at => {
      for (const {dsm} of isOfAll ? functions : [fn]) at.disturb(addressOf(dsm), event)
    }),
  )
}

/** The device ends its sessions without telling anybody. */
export const endSessions = (machine: Machine, state: MachineState, fn: SimFunction): void =>
  change(machine, state, fn, sessionsLost)

/** The default stream goes to Insecure at both ends: its keys are of no use any more. */
export const loseStream = (machine: Machine, state: MachineState, fn: SimFunction): void =>
  change(machine, state, fn, (before, dsmSpec) => {
    const link = within(before, dsmSpec, at => at.streamInsecure(DEFAULT_STREAM))
    const {tsm} = link
    return tsm?.stream == null ? link : {...link, tsm: {...tsm, stream: {...tsm.stream, running: []}}}
  })

/** A function is gone; with its last function, or with the one that has it, a DSM loses its power and its memory. */
export function powerOff(machine: Machine, state: MachineState, fn: SimFunction): void {
  const {dsm} = fn
  if (dsm === null) return
  const functions = functionsOf(machine, dsm.name)
  if (functions.some(({bdf}) => state.functions[bdf]!.present)) disturb(machine, state, fn, 'function level reset')
  else {
    delete state.links[dsm.name]
    mirror(machine, state, dsm.name)
  }
}
