/** `ide plan`: which devices can have an IDE stream, what stands in the way of the others, and who would have to go. */
import {harmless, printable, TsmctlError} from '../errors.js'
import {
  type Allocation,
  type Disconnect,
  type IdeAccount,
  planInput,
  planStreams,
  type Refusal,
  type Resource,
  type StreamIdRule,
  type StreamPlan,
} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {readIdeView} from './ide-view.js'

export interface IdePlanOptions {
  readonly rule: StreamIdRule
  /** `pciDDDD:BB=N` of each limit. */
  readonly pools: readonly string[]
  /** Canonical BDFs, the most wanted first; none for all that could be connected. */
  readonly bdfs: readonly string[]
  readonly signal?: AbortSignal | undefined
}

export interface ConflictRow {
  readonly resource: Resource['kind']
  /** Host bridge, or BDF of the root port or device. */
  readonly of: string
  /** The held Stream ID; null for any other resource. */
  readonly streamId: number | null
  /** Functions whose blocks carry the held Stream ID. */
  readonly holders: readonly string[]
  readonly size: number
  readonly among: readonly string[]
  readonly leftOut: readonly string[]
  readonly heldBy: readonly string[]
}

export interface IdePlan {
  readonly rule: StreamIdRule
  readonly limits: readonly {readonly bridge: string; readonly streams: number}[]
  /** Every wanted device has a place. */
  readonly fits: boolean
  readonly allocation: readonly Allocation[]
  readonly conflicts: readonly ConflictRow[]
  readonly never: readonly Refusal[]
  /** Not asked for by name, and left aside because Linux ignores the IDE that the device has. */
  readonly aside: readonly Refusal[]
  readonly unknown: readonly Refusal[]
  /** Functions whose IDE registers could not be read. */
  readonly unread: readonly string[]
  readonly disconnects: readonly Disconnect[]
  readonly room: {
    readonly disconnect: readonly string[]
    readonly admits: readonly string[]
    readonly conflicts: readonly ConflictRow[]
  } | null
}

const POOL = /^(pci[0-9a-f]{4,8}:[0-9a-f]{2})=(\d{1,3})$/

function limitsOf(pools: readonly string[], bridges: IdeAccount['bridges']): Map<string, number> {
  const limits = new Map<string, number>()
  for (const text of pools) {
    const [, bridge, streams] = POOL.exec(text) ?? []
    if (bridge === undefined || limits.has(bridge))
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'understand a pool limit',
        got: bridge === undefined ? 'it is not HOST-BRIDGE=STREAMS' : `${bridge} has two`,
        hint: 'As in --pool pci0000:00=4, once for each host bridge.',
      })
    const there = bridges.find(({name}) => name === bridge)
    if (there === undefined)
      throw new TsmctlError({
        kind: 'not-found',
        attempted: 'limit a pool',
        subject: bridge,
        got: 'there is no such host bridge',
        hint: 'tsmctl list --tree names the host bridges.',
      })
    if (there.slots.length > Number(streams))
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'limit a pool',
        subject: bridge,
        got: `it has ${there.slots.length} streams already`,
        hint: "Give the platform's own number, which counts streams that exist.",
      })
    limits.set(bridge, Number(streams))
  }
  return limits
}

/** Who plans for "everything" has to hear of devices with IDE that cannot be part of it. */
const ignoredEndpoints = ({ports}: IdeAccount): Refusal[] =>
  ports.flatMap(({bdf, role, ignored}) => (role === 'endpoint' && ignored !== null ? [{bdf, reason: ignored}] : []))

const asideText = ([first, ...more]: readonly Refusal[]): string =>
  `Linux ignores the IDE of ${first!.bdf}${more.length === 0 ? '' : ` and ${more.length} more`}: ${printable(first!.reason, 400)}`

/** Reads the machine and plans. Throws TsmctlError `not-found` for a device or host bridge that is not there. */
export async function planIde(kernel: Kernel, {rule, pools, bdfs, signal}: IdePlanOptions): Promise<IdePlan> {
  const {fabric, account} = await readIdeView(kernel, signal)
  const limits = limitsOf(pools, account.bridges)
  const there = new Set(fabric.functions.map(({bdf}) => bdf))
  const missing = bdfs.find(bdf => !there.has(bdf))
  if (missing !== undefined)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: 'plan a stream',
      subject: missing,
      got: 'there is no such PCI function',
      hint: 'tsmctl list shows the functions of this machine.',
    })
  const aside = bdfs.length === 0 ? ignoredEndpoints(account) : []
  const input = planInput(fabric, account, {rule, limits, wanted: bdfs.length === 0 ? null : bdfs})
  if (input.wanted.length === 0)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: 'plan IDE streams',
      got: aside.length === 0 ? 'no device of this machine can have one' : asideText(aside),
      hint: 'Name a device to be told why it cannot.',
    })
  const live = new Map(account.bridges.map(({name, liveIds}) => [name, liveIds]))
  const rowOf = ({resource, ...conflict}: StreamPlan['conflicts'][number]): ConflictRow => {
    const streamId = resource.kind === 'held-id' ? resource.streamId : null
    const of = 'bridge' in resource ? resource.bridge : resource.bdf
    const holders = streamId === null ? [] : (live.get(of)?.get(streamId) ?? [])
    return {resource: resource.kind, of, streamId, holders, ...conflict}
  }
  const {conflicts, room, ...rest} = planStreams(input)
  return {
    rule,
    limits: [...limits].map(([bridge, streams]) => ({bridge, streams})),
    fits: [conflicts, rest.never, rest.unknown].every(left => left.length === 0),
    ...rest,
    aside,
    unread: account.bridges.flatMap(({unread}) => unread),
    conflicts: conflicts.map(rowOf),
    room: room && {...room, conflicts: room.conflicts.map(rowOf)},
  }
}

/**
 * Why not everything fits: `busy` when something else has to go first, `unsupported` when a device can never have a
 * stream, `not-permitted` when registers could not be read. Undefined when everything fits.
 */
export function planFailure({conflicts, never, unknown, unread, fits}: IdePlan): TsmctlError | undefined {
  if (fits) return undefined
  const attempted = 'give every device a stream'
  const leftOut = conflicts.flatMap(conflict => conflict.leftOut)
  if (leftOut.length > 0)
    return new TsmctlError({
      kind: 'busy',
      attempted,
      got: `${leftOut.length} do not fit, the first is ${leftOut[0]}`,
      hint: 'The plan says what is taken by whom, and which disconnects make room.',
    })
  const [first] = never
  if (first !== undefined)
    return new TsmctlError({
      kind: 'unsupported',
      attempted,
      subject: first.bdf,
      got: harmless(first.reason, 400),
      hint: 'Leave it out of the plan.',
    })
  const {bdf: subject, reason} = unknown[0]!
  const got = harmless(reason, 400)
  return unread.length > 0
    ? new TsmctlError({
        kind: 'not-permitted',
        attempted,
        subject,
        got,
        hint: 'Run as root: IDE registers lie in extended configuration space. What is not known is not planned.',
      })
    : new TsmctlError({kind: 'unsupported', attempted, subject, got, hint: 'What is not known is not planned.'})
}
