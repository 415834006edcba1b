/** Failures of connect and disconnect: what the kernel said, what it meant, and how the device was left. */
import {describeErrno, type ErrorKind, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {CMA_SPDM, connectionNamed, deviceDirectory, offers, TSM_CLASS} from '../pci/index.js'
import {
  type Aftermath,
  devicePath,
  explainRefusal,
  holdersOfNextId,
  type HostVerb,
  observe,
  PlanError,
  type Preflight,
  type Refusal,
  type RefusalKey,
} from '../tsm/index.js'
import {isTimeout} from './attentive.js'
import {connectionText, type HostConnection, type HostLook, lookAtHost, lookUntilClear} from './host-state.js'

export interface HostFailure {
  readonly verb: HostVerb
  readonly look: HostLook
  readonly tsm: string
  readonly error: unknown
  readonly abandon?: AbortSignal | undefined
  /** What was predicted before the write. */
  readonly preflight?: Preflight
}

/** An abandoned operation still holds the kernel's lock: nothing is read that would wait for it. */
async function lookAfterwards(
  kernel: Kernel,
  {look, abandon}: HostFailure,
): Promise<Awaited<ReturnType<typeof lookUntilClear>> | string> {
  if (abandon?.aborted) return 'unknown: the kernel is still at it'
  try {
    return await lookUntilClear(look, () => lookAtHost(kernel, look.facts.bdf, abandon))
  } catch (error) {
    return `unknown (${error instanceof TsmctlError ? (error.got ?? error.message) : String(error)})`
  }
}

async function connectedTo(kernel: Kernel, bdf: string, abandon?: AbortSignal): Promise<string | null | undefined> {
  if (abandon?.aborted) return undefined
  try {
    const text = await observe(kernel, `${devicePath(bdf)}/tsm/connect`, abandon)
    return text === null ? null : connectionNamed(kernel, text)
  } catch (error) {
    if (error instanceof TsmctlError) return undefined
    throw error
  }
}

async function aftermath(
  kernel: Kernel,
  failure: Omit<HostFailure, 'error'>,
  after: HostLook | string,
): Promise<Aftermath> {
  const {look, tsm, abandon} = failure
  const {bdf, place} = look.facts
  const ide = typeof after === 'string' ? undefined : after.ide
  return {
    bdf,
    tsm,
    device: kernel.stat(deviceDirectory(bdf)) !== undefined,
    registered: kernel.stat(`${TSM_CLASS}/${tsm}`) !== undefined,
    connected: await connectedTo(kernel, bdf, abandon),
    offersCma: valueOf(offers(look.facts.doeFeatures, CMA_SPDM)) ?? null,
    idHolders: ide === undefined ? null : holdersOfNextId(ide.account, valueOf(place)?.hostBridge),
  }
}

const isAbandoned = ({failure}: PlanError, abandon: AbortSignal | undefined): boolean =>
  abandon?.aborted === true && failure.errno === 'EINTR'

/**
 * What the refusal of the verb's own write, or its lack of effect, meant. Undefined for anything else: a reading that
 * failed, an interruption, a step beside the verb.
 */
async function meaningOf(
  kernel: Kernel,
  failure: HostFailure,
  error: PlanError,
  after: HostLook | string,
): Promise<Refusal | undefined> {
  const {refused, errno, path} = error.failure
  if (!path.endsWith(`/tsm/${failure.verb}`) || (error.kind === 'interrupted' && errno === null)) return undefined
  const gaveUp = isAbandoned(error, failure.abandon)
  if (!gaveUp && !refused && errno !== null) return undefined
  const meaning = explainRefusal(
    failure.verb,
    gaveUp ? 'abandoned' : refused ? errno : null,
    await aftermath(kernel, failure, after),
  )
  return GENERAL.has(meaning.key) ? asPredicted(meaning, errno, failure.preflight) : meaning
}

/** Refusals with several causes, of which the kernel names none. */
const GENERAL: ReadonlySet<RefusalKey> = new Set(['no-secured-cma-or-no-stream', 'no-cma-mailbox', 'refused'])

/**
 * The causes that were seen before the write, where there were any. Which errno stands for want of a stream is up to the
 * TSM: `pci_ide_stream_alloc` of drivers/pci/ide.c gives none, so one that no table knows may stand for any of them.
 */
function asPredicted(meaning: Refusal, errno: string | null, preflight: Preflight | undefined): Refusal {
  const isUnheardOf = meaning.key === 'refused'
  const seen = (preflight?.checks ?? []).filter(
    check => (isUnheardOf || check.errno === errno) && (check.result === 'warn' || check.result === 'fail'),
  )
  const [first] = seen
  if (first === undefined) return meaning
  const warning = `as the prediction warned, ${seen.map(({reason}) => reason).join('; ')}`
  return {
    ...meaning,
    meaning: isUnheardOf ? `${meaning.meaning}, perhaps because, ${warning}` : warning,
    remedy: first.remedy ?? meaning.remedy,
  }
}

function wordsOf(error: PlanError, meaning: Refusal | undefined): string {
  const {refused, errno, reason} = error.failure
  if (meaning === undefined) return reason
  const isSaid = refused && errno !== null && meaning.key !== 'abandoned'
  return `${isSaid ? `the kernel said ${describeErrno(errno)}: ` : ''}${meaning.meaning}`
}

function kindOf(error: PlanError, meaning: Refusal | undefined, abandon: AbortSignal | undefined): ErrorKind {
  if (isTimeout(abandon)) return 'timeout'
  if (error.failure.notUndone.length > 0 && !isAbandoned(error, abandon)) return 'transition'
  return meaning?.kind ?? error.kind
}

/** The failure of a plan as the user reads it; anything that is not a plan's failure is returned unchanged. */
export async function explainFailure(kernel: Kernel, failure: HostFailure): Promise<unknown> {
  const {verb, look, tsm, error, abandon} = failure
  if (!(error instanceof PlanError)) return error
  const {bdf} = look.facts
  const {notUndone, undone} = error.failure
  const afterwards = await lookAfterwards(kernel, failure)
  const meaning = await meaningOf(
    kernel,
    failure,
    error,
    typeof afterwards === 'string' ? afterwards : afterwards.after,
  )
  const [state, left, found] =
    typeof afterwards === 'string'
      ? [null, afterwards, []]
      : [afterwards.after.connection, connectionText(afterwards.after.connection), afterwards.left]
  const parts = [
    wordsOf(error, meaning),
    ...(undone.length > 0 ? [`undone: ${undone.join(', ')}`] : []),
    ...(notUndone.length > 0 ? [`NOT undone: ${notUndone.join(', ')}`] : []),
    ...found,
  ]
  return new TsmctlError({
    kind: kindOf(error, meaning, abandon),
    attempted: `${verb} ${bdf}`,
    subject: bdf,
    got: `${parts.join('; ')}. The device was left ${left}`,
    hint: meaning?.remedy,
    details: {...error.failure, key: meaning?.key ?? null, tsm, after: state, leftovers: found},
    cause: error,
  })
}

/**
 * The write was taken and read back, and a moment later the device does not stand as it did: who did that, or null when
 * a second look finds it as it should be.
 */
export async function lostAgain(
  kernel: Kernel,
  failure: Omit<HostFailure, 'error'>,
  after: HostLook,
): Promise<TsmctlError | null> {
  const {verb, look, tsm} = failure
  const {bdf} = look.facts
  const {key, kind, meaning, remedy} = explainRefusal(verb, null, await aftermath(kernel, failure, after))
  if (key === 'refused') return null
  return new TsmctlError({
    kind,
    attempted: `${verb} ${bdf}`,
    subject: bdf,
    got: `${meaning}. The device was left ${connectionText(after.connection)}`,
    hint: remedy,
    details: {key, tsm, after: after.connection},
  })
}

/** Ctrl-C came when the kernel had begun, and the operation was let finish: null when it did not come. */
export function interruptedAfter(
  verb: HostVerb,
  after: HostConnection,
  signal: AbortSignal | undefined,
): TsmctlError | null {
  if (!signal?.aborted) return null
  const {bdf} = after
  return new TsmctlError({
    kind: isTimeout(signal) ? 'timeout' : 'interrupted',
    attempted: `stop before ${verb} of ${bdf} was done`,
    subject: bdf,
    got: `the kernel had begun. The device was left ${connectionText(after)}`,
    hint: `tsmctl ${verb === 'connect' ? 'disconnect' : 'connect'} ${bdf} takes it back.`,
    details: {after},
  })
}
