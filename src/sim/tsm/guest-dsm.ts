/** The DSMs of a guest's devices, and what happens to their TDIs without a message. */
import {encodeIde} from '../../ide/index.js'
import {INTERFACE_REPORT, type LockFlag, type TdiAddress, type TdiEnvironmentEvent} from '../../tdisp/index.js'
import {fromBase64} from '../base64.js'
import {createDsm, type DsmSpec, type SimulatedDsm, type TdiSpec, type TdispSpec} from '../dsm/index.js'
import type {Dsm, Machine, MachineState, SimFunction} from '../machine.js'

/** Stream ID of the stream that every device of a guest has. */
export const DEFAULT_STREAM = 1
/** Extended capability header, which IDE_KM leaves out. */
const HEADER = 4
const FUNCTIONS_PER_BUS = 256
const PAGE = 4096n

const REGISTERS = encodeIde({
  capability: {ideKm: true, version: 1},
  selective: [{streamId: DEFAULT_STREAM, associations: []}],
}).subarray(HEADER)

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

/** FUNCTION_ID: the function as its host sees it, which is not where the guest has it. */
export const addressOf = ({interfaceId}: Dsm): TdiAddress => ({requesterId: interfaceId})

function tdiOf(dsm: Dsm): TdiSpec {
  const report = INTERFACE_REPORT.decode(fromBase64(dsm.report))
  const shift = BigInt(dsm.mmioReportingOffset) / PAGE
  return {
    address: addressOf(dsm),
    report: {
      noFwUpdate: report.noFwUpdate,
      dmaWithoutPasid: report.dmaWithoutPasid,
      dmaWithPasid: report.dmaWithPasid,
      atsSupported: report.atsSupported,
      prsSupported: report.prsSupported,
      msixTableSize: report.msixTableSize,
      msixReserved: report.msixReserved,
      msixFunctionMask: report.msixFunctionMask,
      msixEnable: report.msixEnable,
      lnrControl: report.lnrControl,
      tphControl: report.tphControl,
      deviceSpecificInfo: report.deviceSpecificInfo,
    },
    ranges: report.mmioRanges.map(
      ({firstPage, pages, rangeId, msixTable, msixPba, isNonTeeMem, isMemAttrUpdatable}) => ({
        firstPage: BigInt.asUintN(52, firstPage - shift),
        pages,
        rangeId,
        msixTable,
        msixPba,
        isNonTeeMem,
        isMemAttrUpdatable,
      }),
    ),
  }
}

/** A device lets its firmware be fixed in place if its report says so. */
const lockFlagsOf = (tdis: readonly TdiSpec[]): LockFlag[] => [
  ...(tdis.every(({report}) => report.noFwUpdate === true) ? (['noFwUpdate'] as const) : []),
  'lockMsix',
]

/** The DSM called `name`. */
export function dsmSpecOf(machine: Machine, name: string, random: TdispSpec['random']): DsmSpec {
  const functions = functionsOf(machine, name)
  const tdis = functions.map(({dsm}) => tdiOf(dsm))
  const {interfaceId} = ownerOf(functions, name).dsm
  return {
    ports: [
      {
        bus: Math.floor(interfaceId / FUNCTIONS_PER_BUS),
        deviceFunction: interfaceId % FUNCTIONS_PER_BUS,
        registers: REGISTERS,
      },
    ],
    tdisp: {tdis, lockFlags: lockFlagsOf(tdis), devAddrWidth: 52, numReqThis: 1, numReqAll: tdis.length, random},
  }
}

/** Writes the states that the DSM called `name` has into the records of its functions. */
export function mirror(machine: Machine, state: MachineState, name: string): void {
  const tdis = state.links[name]?.device.dsm.tdis
  for (const [i, {bdf}] of functionsOf(machine, name).entries())
    state.functions[bdf]!.tdi.state = tdis?.[i]?.state ?? 'CONFIG_UNLOCKED'
}

/** A DSM draws random bytes for messages only. */
const noEntropy = (): undefined => undefined

/** Lets something happen inside a DSM that nobody is talking to. A device that was never talked to has nothing to lose. */
function within(machine: Machine, state: MachineState, name: string, happen: (dsm: SimulatedDsm) => void): void {
  const link = state.links[name]
  if (link === undefined) return
  const dsm = createDsm(dsmSpecOf(machine, name, noEntropy), link.device.dsm)
  happen(dsm)
  state.links[name] = {...link, device: {...link.device, dsm: dsm.memory()}}
  mirror(machine, state, name)
}

/** `event` happens to a function; where it is the one that has the DSM, a reset is one of all its functions. */
export function disturb(machine: Machine, state: MachineState, {dsm}: SimFunction, event: TdiEnvironmentEvent): void {
  if (dsm === null) return
  const functions = functionsOf(machine, dsm.name)
  const isOfAll = event === 'function level reset' && ownerOf(functions, dsm.name).dsm === dsm
  within(machine, state, dsm.name, at => {
    for (const one of isOfAll ? functions : [{dsm}]) at.disturb(addressOf(one.dsm), event)
  })
}

/** The device ends its sessions without telling anybody. */
export function endSessions(machine: Machine, state: MachineState, {dsm}: SimFunction): void {
  const link = dsm === null ? undefined : state.links[dsm.name]
  if (dsm === null || link === undefined) return
  within(machine, state, dsm.name, at => {
    for (const {id} of link.device.sessions) at.sessionEnded(id)
  })
  const now = state.links[dsm.name]!
  state.links[dsm.name] = {...now, device: {...now.device, sessions: []}}
}

/** The default stream goes to Insecure at both ends: its keys are of no use any more. */
export function loseStream(machine: Machine, state: MachineState, {dsm}: SimFunction): void {
  if (dsm === null) return
  within(machine, state, dsm.name, at => at.streamInsecure(DEFAULT_STREAM))
  const link = state.links[dsm.name]
  if (link?.tsm == null) return
  state.links[dsm.name] = {...link, tsm: {...link.tsm, stream: {...link.tsm.stream, running: []}}}
}

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
