/**
 * What there is to see of TSMs and functions, re-read as little as possible: `tsm/*` tells nobody when it changes and is
 * read at every look; everything else is read when an event, or a look at everything, concerns it.
 */
import {TsmctlError} from '../../errors.js'
import type {Kernel} from '../../kernel/index.js'
import {type Known, known, type Present, attemptPresent, mapKnown, unknown, valueOf} from '../../known.js'
import {
  compareBdf,
  deviceDirectory,
  DEVICES,
  isBdf,
  listTsms,
  type PciFunction,
  readFunction,
  tsmMode,
} from '../../pci/index.js'
import {streamsOf} from '../../tsm/index.js'
import {breathe} from '../breathe.js'
import {readIdeView} from '../ide-view.js'
import type {Fact, FunctionFact, Snapshot, TsmFact, Watched} from './differences.js'
import {type Patient, patient, type Reply} from './patient.js'

export interface LookAt {
  /** Read everything of everything. */
  readonly everything: boolean
  /** Functions of which everything is read. */
  readonly functions: ReadonlySet<string>
  /** Functions and TSMs that an event said were removed: those that are there are others. */
  readonly replaced: ReadonlySet<string>
  /** Read what changes without an event. */
  readonly moving: boolean
  /** Drivers come and go without an event being heard: read them too. */
  readonly drivers: boolean
  /** Read the IDE streams of connected devices. */
  readonly streams: boolean
}

export interface Looking {
  /** The machine now. Throws TsmctlError when it cannot be listed, or when the signal is aborted. */
  look(before: Snapshot, at: LookAt): Promise<Snapshot>
  /** What was seen says that other functions changed too: look at everything next. */
  readonly unsettled: boolean
  readonly waiting: Patient['waiting']
}

type Facts = Record<FunctionFact, Fact>

/** What is remembered of a function besides its facts. */
interface Place {
  readonly bridge: string | undefined
  /** Attributes below `tsm/`. */
  readonly attributes: ReadonlySet<string>
}

/** How a function stands to its TSM. */
interface Standing extends Pick<Facts, 'tsm' | 'state'> {
  /** It may be asked for its connection's DSM and TDI: for a locked function, Linux then follows a null pointer. */
  readonly link: boolean
}

const NONE: Fact = known(null)
const NOTHING_MOVES = {tsm: NONE, state: NONE, bound: NONE, link: true}
const NOT_YET = unknown('not answered yet')
const MOVING = ['lock', 'connect', 'bound'] as const

const hex4 = (value: number): string => value.toString(16).padStart(4, '0')

const identity = ({ids}: PciFunction): Fact =>
  mapKnown(ids, ({vendor, device}): string | null => `${hex4(vendor)}:${hex4(device)}`)
const driverOf = ({driver}: PciFunction): Fact => mapKnown(driver, (name): string | null => name ?? null)

const ofPresent = (fact: Present<string>): Fact => (fact.present ? fact.value : NONE)
/** What an answer says; the fact as it was while there is none. */
const settled = (reply: Reply, before: Fact | undefined): Fact =>
  reply === 'later' ? (before ?? NOT_YET) : reply === 'absent' ? NONE : emptyIsNone(reply)
const emptyIsNone = (fact: Known<string>): Fact => mapKnown(fact, (text): string | null => (text === '' ? null : text))

const attribute = (bdf: string, name: string): string => `${deviceDirectory(bdf)}/tsm/${name}`

export function looking(
  kernel: Kernel,
  {signal, only}: {readonly signal: AbortSignal; readonly only?: ReadonlySet<string> | undefined},
): Looking {
  const reader = patient(kernel, signal)
  const places = new Map<string, Place>()
  let incarnations = 0
  let unsettled = false

  const isWatched = (name: string): boolean => isBdf(name) && (only === undefined || only.has(name))

  function readTsms(before: Snapshot['tsms'], replaced: LookAt['replaced']): Snapshot['tsms'] {
    return new Map(
      listTsms(kernel).list.map(({name, mode, parent}): [string, Watched<TsmFact>] => {
        const facts = {
          mode: ofPresent(mode),
          parent: parent === undefined ? unknown('its link cannot be read') : known(parent),
        }
        const same = replaced.has(name) ? undefined : before.get(name)
        return [name, {incarnation: same?.incarnation ?? incarnations++, facts}]
      }),
    )
  }

  /** Guest side: by which TSM, and in which state. Undefined when the attribute is gone. */
  async function tdiFacts(bdf: string, before: Facts | undefined): Promise<Standing | undefined> {
    const lock = await reader.ask(attribute(bdf, 'lock'))
    if (lock === 'absent') return undefined
    if (lock === 'later') return {tsm: before?.tsm ?? NOT_YET, state: before?.state ?? NOT_YET, link: false}
    if (!lock.known) return {tsm: lock, state: lock, link: false}
    if (lock.value === '') return {tsm: NONE, state: known('CONFIG_UNLOCKED'), link: true}
    // one context for both sides: what is connected is not locked
    if (tsmMode(kernel, lock.value) === 'link') return {tsm: lock, state: known('connected'), link: true}
    const accept = await reader.ask(attribute(bdf, 'accept'))
    const state =
      accept === 'absent'
        ? unknown('the kernel shows no tsm/accept')
        : accept === 'later'
          ? (before?.state ?? NOT_YET)
          : mapKnown(accept, (text): string | null => (text === '1' ? 'RUN' : 'CONFIG_LOCKED'))
    return {tsm: lock, state, link: false}
  }

  async function linkFacts(bdf: string, before: Facts | undefined): Promise<Standing | undefined> {
    const connect = await reader.ask(attribute(bdf, 'connect'))
    if (connect === 'absent') return undefined
    if (connect === 'later') return {tsm: before?.tsm ?? NOT_YET, state: before?.state ?? NOT_YET, link: true}
    const state = mapKnown(connect, (text): string | null => (text === '' ? 'disconnected' : 'connected'))
    return {tsm: emptyIsNone(connect), state, link: true}
  }

  /** What changes without any event. Undefined when attributes went. */
  async function movingFacts(bdf: string, {attributes}: Place, before: Facts | undefined) {
    const own = attributes.has('lock')
      ? await tdiFacts(bdf, before)
      : attributes.has('connect')
        ? await linkFacts(bdf, before)
        : {tsm: NONE, state: NONE, link: true}
    if (own === undefined) return undefined
    const bound = attributes.has('bound') && own.link ? await reader.ask(attribute(bdf, 'bound')) : known('')
    return bound === 'absent' ? undefined : {...own, bound: settled(bound, before?.bound)}
  }

  function attributesOf(bdf: string, hasTsm: boolean): ReadonlySet<string> {
    const listing = hasTsm ? attemptPresent(`${deviceDirectory(bdf)}/tsm`, path => kernel.list(path)) : undefined
    return new Set(listing?.present ? (valueOf(listing.value) ?? []) : [])
  }

  async function readWhole(bdf: string, hasTsm: boolean, before: Facts | undefined): Promise<Facts | undefined> {
    const fn = readFunction(kernel, bdf)
    if (fn === undefined) return undefined
    const place = {bridge: valueOf(fn.place)?.hostBridge, attributes: attributesOf(bdf, hasTsm)}
    places.set(bdf, place)
    const own = {id: identity(fn), driver: driverOf(fn), streams: before?.streams ?? NONE}
    const {link, ...moving} = (await movingFacts(bdf, place, before)) ?? NOTHING_MOVES
    const dsm =
      place.attributes.has('dsm') && link ? settled(await reader.ask(attribute(bdf, 'dsm')), before?.dsm) : NONE
    const path = `${deviceDirectory(bdf)}/authenticated`
    const authenticated =
      hasTsm && link && kernel.stat(path) !== undefined ? settled(await reader.ask(path), before?.authenticated) : NONE
    return {...own, ...moving, dsm, authenticated}
  }

  async function readMoving(bdf: string, before: Facts): Promise<Facts | undefined> {
    const place = places.get(bdf)
    const found = place && (await movingFacts(bdf, place, before))
    if (found === undefined) return readWhole(bdf, true, before)
    const {link: _, ...moving} = found
    return {...before, ...moving}
  }

  /** The facts after this look; the same object where nothing was read. */
  async function factsOf(bdf: string, before: Facts | undefined, hasTsm: boolean, at: LookAt) {
    if (before === undefined || at.everything || at.functions.has(bdf)) return readWhole(bdf, hasTsm, before)
    const attributes = places.get(bdf)?.attributes
    const moves = at.moving && MOVING.some(name => attributes?.has(name))
    if (!moves && !at.drivers) return before
    const fn = at.drivers ? readFunction(kernel, bdf) : undefined
    if (at.drivers && fn === undefined) return undefined
    const now = fn === undefined ? before : {...before, id: identity(fn), driver: driverOf(fn)}
    return moves ? readMoving(bdf, now) : now
  }

  async function readStreams(functions: Map<string, Watched<FunctionFact>>, before: Snapshot, at: LookAt) {
    const connected = [...functions].filter(([, {facts}]) => valueOf(facts.state) === 'connected')
    const isNew = ([bdf]: readonly [string, unknown]): boolean =>
      valueOf(before.functions.get(bdf)?.facts.state ?? NONE) !== 'connected'
    for (const [bdf, watched] of functions)
      if (!isConnection(watched.facts) && watched.facts.state.known && valueOf(watched.facts.streams) !== null)
        functions.set(bdf, {...watched, facts: {...watched.facts, streams: NONE}})
    const wanted = at.everything || at.streams ? connected : connected.filter(isNew)
    const bridges = new Set(wanted.map(([bdf]) => places.get(bdf)?.bridge))
    for (const bridge of bridges) {
      // one after the other: each reads configuration spaces
      // oxlint-disable-next-line no-await-in-loop
      const streamsFor = await readBridge(bridge)
      for (const [bdf, watched] of connected)
        if (places.get(bdf)?.bridge === bridge)
          functions.set(bdf, {...watched, facts: {...watched.facts, streams: streamsFor(bdf)}})
    }
  }

  async function readBridge(bridge: string | undefined): Promise<(bdf: string) => Fact> {
    try {
      const view = await readIdeView(kernel, signal, bridge)
      return bdf =>
        mapKnown(streamsOf(view, bdf), streams => {
          const words = streams.map(({name, streamId, state}) => `${name ?? '?'} ID ${streamId ?? '?'} ${state}`)
          return words.length === 0 ? null : words.join(', ')
        })
    } catch (error) {
      if (signal.aborted || !(error instanceof TsmctlError)) throw error
      const why = unknown(error.got ?? error.message)
      return () => why
    }
  }

  return {
    get unsettled() {
      return unsettled
    },
    waiting: reader.waiting,
    async look(before, wanted) {
      unsettled = false
      const tsms = readTsms(before.tsms, wanted.replaced)
      const sameTsms = before.tsms.size === tsms.size && [...tsms.keys()].every(name => before.tsms.has(name))
      const request = {...wanted, everything: wanted.everything || !sameTsms}
      const names = kernel.list(DEVICES).filter(isWatched).sort(compareBdf)
      const functions = new Map<string, Watched<FunctionFact>>()
      try {
        for (const [index, bdf] of names.entries()) {
          await breathe(index + 1, signal)
          const old = request.replaced.has(bdf) ? undefined : before.functions.get(bdf)
          const facts = await factsOf(bdf, old?.facts, tsms.size > 0, request)
          if (facts === undefined) continue
          // a device that connects gives its other functions attributes, without an event
          if (old !== undefined && isConnection(old.facts) !== isConnection(facts)) unsettled = true
          functions.set(
            bdf,
            old !== undefined && facts === old.facts ? old : {incarnation: old?.incarnation ?? incarnations++, facts},
          )
        }
        await readStreams(functions, before, request)
      } finally {
        reader.rest()
      }
      for (const bdf of places.keys()) if (!functions.has(bdf)) places.delete(bdf)
      return {tsms, functions}
    },
  }
}

const isConnection = ({state}: Pick<Facts, 'state'>): boolean => valueOf(state) === 'connected'
