/** `disconnect`: ends a device's connection, unless a guest depends on it, and looks for what it left behind. */
import {printable, quoted, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type Present, valueOf} from '../known.js'
import {listTsms, TSM_CLASS} from '../pci/index.js'
import {disconnectPlan, PlanError, planLines, runPlan, sleepPlan, withoutTsm} from '../tsm/index.js'
import {attentive, inTime} from './attentive.js'
import {type HostOptions, letSleep} from './connect.js'
import {openDevices} from './device.js'
import {forgetConnection} from './connections.js'
import {explainFailure, interruptedAfter, lostAgain} from './host-failure.js'
import {connectionText, type HostConnection, type HostLook, lookAtHost, lookUntilClear} from './host-state.js'
import {UNTOLD} from './list.js'
import {exclusively, type PlannedWrite, writesOf} from './transition.js'

export interface DisconnectResult {
  readonly bdf: string
  /** TSM it was connected to. */
  readonly tsm: string | null
  readonly changed: boolean
  readonly dryRun: boolean
  readonly before: HostConnection
  readonly after: HostConnection
  readonly writes: readonly PlannedWrite[]
  readonly notes: readonly string[]
  /** What the connection left behind: a bug of the kernel or its TSM. */
  readonly leftovers: readonly string[]
  readonly failure: TsmctlError | null
}

/** Disconnects `bdf`, or finds it not connected. Throws TsmctlError; its text says how the device was left. */
export const disconnect = (kernel: Kernel, bdf: string, options: HostOptions = {}): Promise<DisconnectResult> =>
  exclusively(kernel, bdf, () => disconnectHeld(attentive(kernel, options), bdf, options), options)

async function disconnectHeld(kernel: Kernel, bdf: string, options: HostOptions): Promise<DisconnectResult> {
  const {signal, abandon, dryRun = false, onStep} = options
  const look = await inTime(bdf, signal, () => lookAtHost(kernel, bdf, signal))
  const before = look.connection
  const tsm = connectedTsm(kernel, look)
  const result = {bdf, tsm, changed: false, dryRun, before, after: before, writes: [], notes: [], leftovers: []}
  if (tsm === null) return {...result, failure: null}
  refuseOther(bdf, tsm, options.tsm)
  const plan = disconnectPlan(look.device, tsm)
  const writes = [...writesOf(plan), ...writesOf(sleepPlan(look.device))]
  const inUse = options.force ? null : usedByGuest(look)
  if (dryRun || inUse !== null) return {...result, writes: inUse === null ? writes : [], failure: inUse}
  try {
    // nothing reads the attributes of dependent functions meanwhile: their removal would wait for the reader
    await runPlan(kernel, plan, {signal, abandon, onStep: (_, index) => onStep?.(planLines(plan)[index]!)})
  } catch (error) {
    if (!isGoneAlready(error)) throw await explainFailure(kernel, {verb: 'disconnect', look, tsm, error, abandon})
    const {connection} = await lookAgain(kernel, bdf, abandon)
    const ended =
      kernel.stat(`${TSM_CLASS}/${tsm}`) === undefined
        ? `${printable(tsm)} was unregistered meanwhile, which ended the connection`
        : 'somebody else disconnected it meanwhile'
    const notes = [ended, ...error.failure.notUndone.map(what => `NOT undone: ${what}`)]
    return {...result, after: connection, writes, notes, failure: connectedAnew(connection, ended)}
  }
  forgetConnection(kernel, bdf)
  const notes = await letSleep(kernel, look, options)
  const {after, left} = await lookUntilClear(look, () => lookAgain(kernel, bdf, abandon))
  const lost =
    after.connection.tsm === null ? null : await lostAgain(kernel, {verb: 'disconnect', look, tsm, abandon}, after)
  if (lost !== null) throw lost
  return {
    ...result,
    changed: true,
    after: after.connection,
    writes,
    notes,
    leftovers: left,
    failure: left.length > 0 ? leftSomething(bdf, left) : interruptedAfter('disconnect', after.connection, signal),
  }
}

/** A look at what is known to be disconnected: the failure to look must not hide that. */
async function lookAgain(kernel: Kernel, bdf: string, abandon: AbortSignal | undefined): Promise<HostLook> {
  try {
    return await lookAtHost(kernel, bdf, abandon)
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: error.kind,
      attempted: `look at what ${bdf} left behind`,
      subject: bdf,
      got: `${error.got ?? error.message}. The device was left not connected`,
      hint: 'tsmctl ide list shows what streams there are.',
      cause: error,
    })
  }
}

/** As the kernel names TSMs. What it shows is written back to it, so nothing else will do. */
const NAME = /^tsm\d{1,9}$/

/** The TSM that `tsm/connect` names; null when it names none. Throws where there is no such attribute to ask. */
function connectedTsm(kernel: Kernel, {facts, connection}: HostLook): string | null {
  const {bdf, tsm} = facts
  if (tsm.connect.present) {
    const {value} = tsm.connect
    if (value.known && (connection.tsm === null || NAME.test(connection.tsm))) return connection.tsm
    const why = value.known ? `tsm/connect reads ${quoted(value.value)}, which is no TSM's name` : value.reason
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: `disconnect ${bdf}`,
      subject: bdf,
      got: `whether it is connected is unknown: ${why}`,
    })
  }
  if (!listTsms(kernel).core.known)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: `disconnect ${bdf}`,
      subject: bdf,
      got: `whether it is connected is unknown: ${UNTOLD}`,
    })
  const nowhere = withoutTsm(kernel)
  if (nowhere !== null)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: `disconnect ${bdf}`,
      subject: bdf,
      got: nowhere.meaning,
      hint: 'There is nothing to disconnect: no function can be connected, and a TSM that goes ends its connections.',
    })
  const dsm = connection.dsm ?? valueOf(openDevices(kernel, [facts]).once(facts).predictedDsm)?.dsm ?? bdf
  throw new TsmctlError({
    kind: 'unsupported',
    attempted: `disconnect ${bdf}`,
    subject: bdf,
    got: 'the kernel offers no tsm/connect for it, so it has no connection of its own',
    hint:
      dsm === bdf
        ? 'tsmctl list says which functions are connected.'
        : `It depends on ${printable(dsm)}: disconnect that one if you mean the whole device.`,
  })
}

/** The name that the user gave must be the one that the kernel shows: the kernel would refuse any other. */
function refuseOther(bdf: string, tsm: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === tsm) return
  throw new TsmctlError({
    kind: 'busy',
    attempted: `disconnect ${bdf} from ${quoted(wanted)}`,
    subject: bdf,
    got: `it is connected to ${printable(tsm)}`,
    hint: 'Leave --tsm out to end whatever connection there is.',
  })
}

const textOf = (bound: Present<string>): {bound: string | null; unknown: string | null} => {
  if (!bound.present) return {bound: null, unknown: null}
  return bound.value.known
    ? {bound: bound.value.value || null, unknown: null}
    : {bound: null, unknown: bound.value.reason}
}

/** A guest that uses the device, or one of its functions, would lose it without a word. */
function usedByGuest({facts, connection}: HostLook): TsmctlError | null {
  const {bdf} = facts
  const users = [{bdf, ...textOf(facts.tsm.bound)}, ...connection.subfunctions]
  const used = users.filter(({bound, unknown}) => bound !== null || unknown !== null)
  if (used.length === 0) return null
  const words = used.map(({bdf: user, bound, unknown}) =>
    bound === null ? `${user} (unknown: ${printable(unknown!, 120)})` : `${user} (bound by ${printable(bound)})`,
  )
  return new TsmctlError({
    kind: 'busy',
    attempted: `disconnect ${bdf}`,
    subject: bdf,
    got: `guests may be using it: ${words.join(', ')}`,
    hint: 'Stop the guests first. --force disconnects all the same; the kernel takes the devices from them without telling them.',
    details: {bound: used.map(({bdf: user}) => user)},
  })
}

/** What was there when the user asked is gone; what is there now was not asked for, and is not ended. */
function connectedAnew(now: HostConnection, ended: string): TsmctlError | null {
  const {bdf, tsm} = now
  if (tsm === null) return null
  return new TsmctlError({
    kind: 'busy',
    attempted: `disconnect ${bdf}`,
    subject: bdf,
    got: `${ended}, and somebody connected it anew. The device was left ${connectionText(now)}`,
    hint: 'Find out who else manages this device; ask again if you mean the new connection.',
    details: {key: 'rival-connected', tsm, after: now},
  })
}

const isGoneAlready = (error: unknown): error is PlanError =>
  error instanceof PlanError && error.failure.refused && error.failure.errno === 'ENXIO'

const leftSomething = (bdf: string, left: readonly string[]): TsmctlError =>
  new TsmctlError({
    kind: 'transition',
    attempted: `disconnect ${bdf} without remains`,
    subject: bdf,
    got: `it is disconnected, but ${left.join('; ')}`,
    hint: 'Unless another connect is under way, this is a bug of the kernel or its TSM. tsmctl ide list shows who holds what; removing and rescanning the function, or a reboot, clears it.',
    details: {leftovers: left},
  })
