/**
 * What sysfs says about a function's relation to a TSM. Reading `tsm/*` waits for a lock that a connect holds for a
 * whole SPDM exchange, so it goes through `Kernel.query`. Linux Documentation/ABI/testing/sysfs-bus-pci; `lock`,
 * `unlock` and `accept` are of the staged guest series.
 */
import {attributeText, type Kernel} from '../kernel/index.js'
import type {Bdf} from './bdf.js'
import {deviceDirectory} from './functions.js'
import {ABSENT, attemptPresent, isGone, known, type Present, refusal, unknown, valueOf} from '../known.js'
import {tsmMode} from './tsm-side.js'

/**
 * Attributes of one function, by their meaning: in a kernel with TSMs of both sides a lock is no connection and a
 * connection no lock, although both attributes name either. An empty text means the attribute is there and says "none".
 */
export interface TsmAttributes {
  /** Name of the TSM the function is connected to. Host side, PF0 candidates only. */
  readonly connect: Present<string>
  /** Function that holds the DSM. */
  readonly dsm: Present<string>
  /** Name of the TSM that has the function locked or running for a guest. */
  readonly bound: Present<string>
  /** On 7.3 the same as `connect`, also on subfunctions: it says nothing about certificates. */
  readonly authenticated: Present<string>
  /** Name of the TSM the TDI is locked to. Guest side. */
  readonly lock: Present<string>
  /** `0` or `1`. Guest side. */
  readonly accept: Present<string>
}

export const NO_TSM_ATTRIBUTES: TsmAttributes = Object.freeze({
  connect: ABSENT,
  dsm: ABSENT,
  bound: ABSENT,
  authenticated: ABSENT,
  lock: ABSENT,
  accept: ABSENT,
})

async function queryAttribute(kernel: Kernel, path: string, signal: AbortSignal | undefined): Promise<Present<string>> {
  try {
    return {present: true, value: known(attributeText(await kernel.query(path, signal)))}
  } catch (error) {
    // the caller's own interruption is not a fact about the device
    if (signal?.aborted) throw error
    return isGone(error) ? ABSENT : {present: true, value: refusal(error, path)}
  }
}

/** Reads what there is of `tsm/` and `authenticated`. Throws ErrnoError EINTR on abort. */
export async function readTsmAttributes(kernel: Kernel, bdf: Bdf, signal?: AbortSignal): Promise<TsmAttributes> {
  const directory = deviceDirectory(bdf)
  const tsm = `${directory}/tsm`
  // a TSM's own device has a glue directory of the same name: only the attributes count
  const listing = attemptPresent(tsm, path => kernel.list(path))
  const authenticated = kernel.stat(`${directory}/authenticated`) !== undefined
  if (!listing.present && !authenticated) return NO_TSM_ATTRIBUTES
  const read = async (name: string): Promise<Present<string>> => {
    if (!listing.present) return ABSENT
    if (!listing.value.known) return {present: true, value: listing.value}
    return listing.value.value.includes(name) ? queryAttribute(kernel, `${tsm}/${name}`, signal) : ABSENT
  }
  // first of all: what it says decides whether others may be asked
  const lock = await read('lock')
  const accept = await read('accept')
  const context = lock.present ? valueOf(lock.value) : undefined
  const mode = context === undefined || context === '' ? undefined : tsmMode(kernel, context)
  const link = async () => ({
    connect: await read('connect'),
    dsm: await read('dsm'),
    bound: await read('bound'),
    authenticated: authenticated ? await queryAttribute(kernel, `${directory}/authenticated`, signal) : ABSENT,
  })
  if (!lock.present || context === '') return {...(await link()), lock, accept}
  if (mode === 'link') return {...(await link()), lock: EMPTY, accept}
  // asked for the DSM or TDI context of a locked function, such a kernel follows a null pointer
  const there = (name: string, value: Present<string>): Present<string> =>
    listing.present && listing.value.known && listing.value.value.includes(name) ? value : ABSENT
  const none = mode === 'devsec' ? EMPTY : NOT_ASKED
  return {
    connect: there('connect', none),
    dsm: there('dsm', none),
    bound: there('bound', none),
    authenticated: authenticated ? none : ABSENT,
    lock,
    accept,
  }
}

const EMPTY: Present<string> = Object.freeze({present: true, value: known('')})
const NOT_ASKED: Present<string> = Object.freeze({
  present: true,
  value: unknown('not asked: the function has a context, and which side it is of is unknown'),
})
