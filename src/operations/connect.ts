/** `connect`: hands a device to a host-side TSM, after saying what will come of it, and looks at both ends afterwards. */
import {describeErrno, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {
  connectPlan,
  disconnectPlan,
  type Plan,
  planLines,
  predictConnect,
  type Preflight,
  probe,
  type ProbedTsm,
  runPlan,
  sleepPlan,
  streamProblem,
  streamsOf,
} from '../tsm/index.js'
import {attentive, inTime, isTimeout} from './attentive.js'
import {rememberConnection} from './connections.js'
import {chooseHostTsm} from './choose-host-tsm.js'
import {explainFailure, interruptedAfter, lostAgain} from './host-failure.js'
import {connectionText, type HostConnection, type HostLook, lookAtHost} from './host-state.js'
import {exclusively, type PlannedWrite, writesOf} from './transition.js'

export interface HostOptions {
  /** TSM by its exact name; needed where there are several. */
  readonly tsm?: string | undefined
  readonly dryRun?: boolean | undefined
  /** Try although it is predicted to fail; disconnect although a guest uses the device. */
  readonly force?: boolean | undefined
  /** Ends the waiting before the write, and what would come after it. A write that was begun is waited for. */
  readonly signal?: AbortSignal | undefined
  /** Ends that waiting too; the kernel may still complete the operation. */
  readonly abandon?: AbortSignal | undefined
  /** Told of every write before it is made, and of long waits. */
  readonly onStep?: ((line: string) => void) | undefined
}

export interface ConnectResult {
  readonly bdf: string
  readonly tsm: string
  readonly changed: boolean
  readonly dryRun: boolean
  readonly preflight: Preflight
  readonly before: HostConnection
  readonly after: HostConnection
  readonly writes: readonly PlannedWrite[]
  readonly notes: readonly string[]
  /** The answer is no, and the result above says how things are. */
  readonly failure: TsmctlError | null
}

/** Connects `bdf`, or finds it connected. Throws TsmctlError; its text says how the device was left. */
export const connect = (kernel: Kernel, bdf: string, options: HostOptions = {}): Promise<ConnectResult> =>
  exclusively(kernel, bdf, () => connectHeld(attentive(kernel, options), bdf, options), options)

const linesOf = (plan: Plan, onStep: HostOptions['onStep']) => (_step: unknown, index: number) =>
  onStep?.(planLines(plan)[index]!)

/** Milliseconds for a write that nothing should hold up. */
const MOMENT = 1000

/** Runs a plan whose failure is only worth a note: the device stands as it should. */
export async function letSleep(kernel: Kernel, look: HostLook, options: HostOptions): Promise<string[]> {
  const plan = sleepPlan(look.device)
  // power/control does not wait for the TSM: whoever will not wait for that still gets the device back as it was
  const abandon = options.abandon?.aborted ? AbortSignal.timeout(MOMENT) : options.abandon
  try {
    await runPlan(kernel, plan, {abandon, onStep: linesOf(plan, options.onStep)})
    return []
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    return [`power/control was not set back to ${look.device.powerControl}: ${error.got ?? error.message}`]
  }
}

async function connectHeld(kernel: Kernel, bdf: string, options: HostOptions): Promise<ConnectResult> {
  const {signal, dryRun = false, force = false} = options
  const look = await inTime(bdf, signal, () => lookAtHost(kernel, bdf, signal))
  const machine = await probe(kernel, signal)
  const provider = chooseHostTsm(machine, options.tsm)
  const {tsm} = provider
  const preflight = predictConnect({
    device: look.facts,
    tsm,
    tsms: machine.tsms,
    account: look.ide.account,
    uid: kernel.actor().uid,
  })
  const before = look.connection
  const plan = connectPlan(look.device, tsm)
  const result = {bdf, tsm, changed: false, dryRun, preflight, before, after: before, writes: [], notes: []}
  if (before.tsm === tsm) return {...result, notes: linkNotes(look), failure: connectedBadly(bdf, look, provider)}
  const writes = [...writesOf(plan), ...writesOf(sleepPlan(look.device))]
  const {outcome, firm} = preflight.verdict
  const refused = outcome === 'will-fail' && (firm || !force) ? predicted(preflight) : null
  if (dryRun || refused !== null) return {...result, writes: refused === null ? writes : [], failure: refused}
  try {
    await runPlan(kernel, plan, {signal, abandon: options.abandon, onStep: linesOf(plan, options.onStep)})
  } catch (error) {
    throw await explainFailure(kernel, {verb: 'connect', look, tsm, error, abandon: options.abandon, preflight})
  }
  return verified(kernel, {...result, writes, changed: true}, look, provider, options)
}

/** What is to be said of a device that is connected already: nothing, unless its link is not protected any more. */
function connectedBadly(bdf: string, look: HostLook, provider: ProbedTsm): TsmctlError | null {
  const problem = problemOf(look, provider)
  if (problem === undefined) return null
  if (isOutOfSight(look))
    return new TsmctlError({
      kind: 'not-permitted',
      attempted: `connect ${bdf}`,
      subject: bdf,
      got: `it is connected to ${provider.tsm} already, but whether its link is secure could not be seen: ${problem}`,
      hint: 'Run as root: the IDE registers lie in extended configuration space.',
    })
  return new TsmctlError({
    kind: 'transition',
    attempted: `connect ${bdf}`,
    subject: bdf,
    got: `it is connected to ${provider.tsm} already, but its link was not found secure at both ends: ${problem}`,
    hint: `The kernel does not notice a lost stream: tsmctl disconnect ${bdf}, then connect again.`,
  })
}

/** Nothing is known to be wrong with its streams; their registers are not for this user. */
function isOutOfSight({ide, facts: {bdf, configBytes}}: HostLook): boolean {
  const streams = valueOf(streamsOf(ide, bdf)) ?? []
  const isCut = !configBytes.known || configBytes.value.length <= UNPRIVILEGED_CONFIG
  return isCut && streams.every(({state}) => state === 'secure' || state === 'unknown')
}

/** Bytes of configuration space that Linux shows without CAP_SYS_ADMIN. */
const UNPRIVILEGED_CONFIG = 64

const problemOf = ({ide, facts}: HostLook, {makesStreams}: ProbedTsm): string | undefined =>
  streamProblem(streamsOf(ide, facts.bdf), makesStreams)

/**
 * What is wrong beside a Secure state: traffic that the ends do not take for the stream's, and the flag that the other
 * end reported a failed check, which Linux never clears, so that it may be older than the stream.
 */
function linkNotes({ide, facts}: HostLook): string[] {
  const streams = valueOf(streamsOf(ide, facts.bdf)) ?? []
  const names = new Set(streams.map(({bridge, name}) => `${bridge}/${name}`))
  const wrong = ide.account.findings.filter(
    ({subject, severity, code}) => severity === 'error' && names.has(subject) && !code.startsWith('stream-'),
  )
  const failed = streams
    .flatMap(({rootPort, endpoint}) => [rootPort, endpoint])
    .flatMap(end => (end?.known && end.value.registers.failReceived ? [end.value] : []))
  return [
    ...wrong.map(({code, subject, message}) => `${code} ${subject}: ${message}`),
    ...failed.map(({bdf, block}) => `Selective block ${block} of ${bdf} received an IDE fail message, now or earlier`),
  ]
}

/** The refusal that the kernel would give, before it is asked. */
function predicted({bdf, tsm, checks, verdict}: Preflight): TsmctlError {
  const check = checks.find(({id}) => id === verdict.check)!
  const how = verdict.firm ? '' : ' --force tries all the same.'
  return new TsmctlError({
    kind: verdict.kind!,
    attempted: `connect ${bdf} to ${tsm}`,
    subject: bdf,
    got: `${check.reason}; the kernel would answer ${describeErrno(verdict.errno!)}`,
    hint: `${check.remedy ?? ''}${how}`.trim(),
    details: {check: check.id, errno: verdict.errno, predicted: true},
  })
}

/** Reads both ends back. A stream that is not secure at both is not left standing. */
async function verified(
  kernel: Kernel,
  done: Omit<ConnectResult, 'failure'>,
  before: HostLook,
  provider: ProbedTsm,
  options: HostOptions,
): Promise<ConnectResult> {
  const {bdf, tsm} = done
  const look = await lookAtHost(kernel, bdf, options.abandon).catch((error: unknown) => error)
  if (isLook(look) && look.connection.tsm !== tsm) {
    const lost = await lostAgain(kernel, {verb: 'connect', look: before, tsm, abandon: options.abandon}, look)
    if (lost !== null) throw withNotes(lost, await letSleep(kernel, before, options))
  }
  const problem = isLook(look)
    ? (problemOf(look, provider) ?? unseen(look, tsm))
    : `it could not be looked at again: ${look instanceof TsmctlError ? (look.got ?? look.message) : String(look)}`
  if (problem !== undefined) throw await takenBack(kernel, before, tsm, problem, options)
  const after = (look as HostLook).connection
  rememberConnection(kernel, bdf)
  const notes = [
    ...linkNotes(look as HostLook),
    ...(after.streams?.length === 0 ? [`${tsm} made no IDE stream: nothing here protects the link`] : []),
    ...(after.subfunctions.length > 0
      ? [`functions that depend on it now: ${after.subfunctions.map(({bdf: other}) => other).join(' ')}`]
      : []),
    ...(await letSleep(kernel, before, options)),
  ]
  return {...done, after, notes, failure: interruptedAfter('connect', after, options.signal)}
}

/** The same failure, with what else went wrong beside it. */
function withNotes(error: TsmctlError, notes: readonly string[]): TsmctlError {
  if (notes.length === 0) return error
  const {kind, attempted, subject, got, hint, details} = error
  return new TsmctlError({kind, attempted, subject, got: `${got}; ${notes.join('; ')}`, hint, details})
}

/** A connection that cannot be read was not seen. */
const unseen = ({connection}: HostLook, tsm: string): string | undefined =>
  connection.tsm === tsm ? undefined : `whether it is connected could not be read (${connection.unknown.join('; ')})`

const isLook = (look: unknown): look is HostLook => typeof look === 'object' && look !== null && 'connection' in look

/** Disconnects what is connected without protection. */
async function takenBack(
  kernel: Kernel,
  before: HostLook,
  tsm: string,
  problem: string,
  options: HostOptions,
): Promise<TsmctlError> {
  const {bdf} = before.facts
  const plan = disconnectPlan(before.device, tsm)
  const undone = await runPlan(kernel, plan, {abandon: options.abandon, onStep: linesOf(plan, options.onStep)}).then(
    () => 'disconnected again',
    (error: unknown) =>
      `NOT disconnected again: ${error instanceof TsmctlError ? (error.got ?? error.message) : String(error)}`,
  )
  const notes = await letSleep(kernel, before, options)
  const after = await lookAtHost(kernel, bdf, options.abandon).then(
    ({connection}) => connection,
    () => null,
  )
  const error = new TsmctlError({
    kind: isTimeout(options.abandon) ? 'timeout' : options.abandon?.aborted ? 'interrupted' : 'transition',
    attempted: `connect ${bdf}`,
    subject: bdf,
    got: `${tsm} connected it, but its link was not found secure at both ends: ${problem}; ${undone}. The device was left ${after === null ? 'unknown' : connectionText(after)}`,
    hint: 'The kernel reports success without looking at the stream. See the kernel log, and the IDE settings of root port and device.',
    details: {key: 'stream-not-secure', problem, after},
  })
  return withNotes(error, notes)
}
