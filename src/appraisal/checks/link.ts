/**
 * The link: IDE (PCIe r6.2 §6.33). A guest can only take its TSM's word, because its configuration space is the host's;
 * the host reads registers. Whoever says that the link is bad is believed in either case.
 */
import {
  type IdeFacts,
  IDE_ERRATA,
  IDE_KEYS,
  type IdeErrata,
  type IdeStreamFacts,
  type TsmLink,
} from '../../evidence/index.js'
import {printable} from '../../errors.js'
import {known} from '../facts.js'
import {isHostSide} from '../host-side.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, malformed, pass, relaxed, skip} from './verdict.js'

const TSM = {object: 'tsm'}
const IDE = {object: 'ide'}

interface Sources {
  /** Undefined when it does not tell. */
  readonly asserted: Answer | undefined
  readonly read: Answer | undefined
}

/** What the rule needs to hear: on the host's side registers will do for a TSM's word, in a guest nothing does. */
function enough({asserted, read}: Sources, {rule, facts}: Context, readable: boolean): boolean {
  const onHost = isHostSide(facts.bundle)
  if (rule.tsm.ide === 'require' && readable) return read !== undefined && (onHost || asserted !== undefined)
  return asserted !== undefined || (onHost && read !== undefined)
}

const lacking = (what: string, {asserted, read}: Sources): string =>
  asserted !== undefined
    ? `the rule needs registers that can be read to tell ${what}, besides the TSM's word`
    : read === undefined
      ? `the TSM does not tell ${what}`
      : `the TSM does not tell ${what}; configuration space in a guest is its host's word`

/** Passes on what the rule needs to hear of both sources; either one that contradicts fails it. */
const ofLink =
  (
    what: string,
    ofTsm: (link: TsmLink, context: Context) => Answer | undefined,
    /** Left out where registers hold no trace of it. */
    ofRegisters?: (ide: IdeFacts, context: Context) => Answer | undefined,
  ): Check =>
  context => {
    const {tsm, ide} = context.facts
    if (tsm.kind === 'malformed') return blocked('tsm.digest.algo')
    if (ide.kind === 'malformed') return malformed('ide', ide.error)
    const link = known(tsm)?.link
    const registers = known(ide)
    const sources: Sources = {
      asserted: link && ofTsm(link, context),
      read: registers && ofRegisters?.(registers, context),
    }
    const notRequired = context.rule.tsm.ide === 'not-required'
    const answers = [sources.asserted, sources.read].filter(answer => answer !== undefined)
    const bad = answers.find(({result}) => result === 'fail')
    if (bad?.result === 'fail') return notRequired ? relaxed('tsm.ide: not-required', bad.got) : bad
    const apart = answers.find(({result}) => result === 'skip')
    if (apart !== undefined) return apart
    const relief = notRequired ? 'tsm.ide: not-required' : undefined
    if (!enough(sources, context, ofRegisters !== undefined)) return skip('tsm', lacking(what, sources), relief)
    return pass(
      sources.asserted === undefined ? 'read' : sources.read === undefined ? 'TSM-asserted' : 'TSM-asserted, read',
    )
  }

/** Selective streams of this device that are switched on at an end. */
const live = ({streams}: IdeFacts): readonly IdeStreamFacts[] =>
  streams.filter(({rootPort, endpoint}) => rootPort?.enabled || endpoint?.enabled)

const nameOf = ({name}: IdeStreamFacts): string => printable(name ?? 'a stream of no name')

/** The streams that serve the device: those the kernel made, and of others those that are its default. */
const serving = (ide: IdeFacts): readonly IdeStreamFacts[] =>
  live(ide).filter(({name, endpoint}) => name !== null || endpoint?.defaultStream)

function insecurity(stream: IdeStreamFacts): string | undefined {
  const ends = {'root port': stream.rootPort, device: stream.endpoint}
  for (const [side, end] of Object.entries(ends)) {
    if (end === null) return `${nameOf(stream)}: nothing at the ${side}`
    if (!end.enabled) return `${nameOf(stream)}: off at the ${side}`
    if (end.state !== 'secure') return `${nameOf(stream)}: ${printable(end.state)} at the ${side}`
    if (end.failReceived) return `${nameOf(stream)}: the ${side} received a fail message`
  }
  const [near, far] = [stream.rootPort!, stream.endpoint!]
  return near.streamId === far.streamId
    ? undefined
    : `${nameOf(stream)}: Stream ID ${near.streamId} and ${far.streamId}`
}

const secure = ofLink(
  'whether the link is protected',
  ({secure: said}) =>
    said === undefined ? undefined : said ? pass() : fail('asserted', 'not secure, says the TSM', {place: TSM}),
  (ide, {facts}) => {
    if (ide.integrated)
      return isHostSide(facts.bundle) ? skip('na', 'the device is inside the root complex: it has no link') : undefined
    const streams = serving(ide)
    const problem = streams.map(insecurity).find(text => text !== undefined)
    if (problem !== undefined) return fail('state', problem, {place: IDE})
    if (ide.unread.length > 0) return undefined
    return streams.length === 0 ? fail('none', 'not there', {place: IDE}) : pass()
  },
)

const byDefault = ofLink(
  'the default stream',
  ({defaultStream, trafficClass}) => {
    if (defaultStream === false) return fail('other', 'it is not the one of the lock, says the TSM', {place: TSM})
    if (trafficClass !== undefined && trafficClass !== 0)
      return fail('class', `traffic class ${trafficClass}`, {place: TSM})
    return defaultStream === undefined || trafficClass === undefined ? undefined : pass()
  },
  (ide, {facts}) => {
    if (ide.integrated || ide.unread.length > 0) return undefined
    const streams = serving(ide)
    const used = streams.filter(({endpoint}) => endpoint?.defaultStream)
    const [only] = used
    if (used.length !== 1)
      return fail('count', `${used.length} of ${streams.length} streams are its default`, {expected: 'one', place: IDE})
    if (only!.name === null && streams.some(({name}) => name !== null))
      return fail('other', 'it is not the one that the kernel made', {place: IDE})
    const wrong = [only!.rootPort, only!.endpoint].find(end => (end?.trafficClass ?? 0) !== 0)
    if (wrong) return fail('class', `traffic class ${wrong.trafficClass} at ${wrong.bdf}`, {place: IDE})
    const id = only!.endpoint!.streamId
    if (only!.idShared) return fail('shared', `Stream ID ${id} is used twice below its host bridge`, {place: IDE})
    const stated = known(facts.tsm)?.link?.streamId
    return stated === undefined || stated === id
      ? pass()
      : fail('id', `Stream ID ${id}, the TSM says ${stated}`, {place: IDE})
  },
)

/** Requester IDs in order: `dddd:bb:dd.f` has fixed widths within one domain. */
const isWithin = (range: {first: string; last: string}, whole: {first: string; last: string}): boolean =>
  whole.first <= range.first && range.last <= whole.last

const association = ofLink(
  'what the stream is associated with',
  ({exclusive}) =>
    exclusive === undefined
      ? undefined
      : exclusive
        ? pass()
        : fail('asserted', 'other functions too, says the TSM', {place: TSM}),
  (ide, {facts}) => {
    if (ide.integrated || ide.unread.length > 0) return undefined
    const [stream] = serving(ide)
    // at the root port: there the Requester IDs of the device are told from others
    const range = stream?.rootPort?.requesters
    if (stream?.rootPort == null) return undefined
    if (range == null) return fail('none', 'no Requester ID', {place: IDE})
    const text = `${range.first} to ${range.last}`
    const own = facts.bundle.manifest.device.bdf
    if (own === null || own < range.first || range.last < own)
      return fail('misses', `${text}, not the device`, {place: IDE})
    return isWithin(range, ide.functions) ? pass() : fail('foreign', text, {place: IDE})
  },
)

const keys: Check = ofLink('which session programmed the keys', ({keys: stated}, {facts}) => {
  if (stated === undefined) return undefined
  const missing = IDE_KEYS.filter(key => !stated.programmed.includes(key))
  if (missing.length > 0) return fail('missing', `no ${missing.join(', ')}`, {place: TSM})
  const session = known(facts.tsm)?.session?.id
  if (session === undefined) return undefined
  return BigInt(session) === BigInt(stated.session)
    ? pass()
    : fail('session', stated.session, {expected: session, place: TSM})
})

const teeLimited = ofLink(
  'whether the stream is limited to TEE traffic',
  // what the platform needs is no statement about what the stream has
  () => undefined,
  (ide, {facts}) => {
    const wanted = known(facts.tsm)?.link?.teeLimited
    const [stream] = serving(ide)
    if (wanted === undefined || stream === undefined || ide.unread.length > 0) return undefined
    const wrong = [stream.rootPort, stream.endpoint].find(end => end !== null && end.teeLimited !== wanted)
    return wrong == null ? pass() : fail('bit', `${wrong.teeLimited ? 1 : 0} at ${wrong.bdf}`, {place: IDE})
  },
)

const lacks = ({platform, device}: IdeErrata): string[] =>
  IDE_ERRATA.filter(erratum => !platform.includes(erratum) || !device.includes(erratum))

/** Declarations that count: of the TSM, and on the host's side of whoever described the machine. */
function declared({facts}: Context): IdeErrata | undefined {
  const host = isHostSide(facts.bundle) ? known(facts.ide)?.errata : undefined
  return known(facts.tsm)?.link?.errata ?? host ?? undefined
}

const errata: Check = context => {
  const {rule, facts, satisfied} = context
  if (rule.tsm.ideErrata === 'ignore') return relaxed('tsm.ideErrata: ignore', 'the rule does not ask for corrections')
  const ide = known(facts.ide)
  if (isHostSide(facts.bundle) && (ide?.integrated || ide?.capable === false))
    return skip('abs', 'the device has no IDE that could have them')
  const corrections = declared(context)
  const missing = corrections === undefined ? undefined : lacks(corrections)
  if (missing?.length === 0) return pass('platform and device declare the corrections')
  if (rule.tsm.ideErrata === 'require-fixed')
    return missing === undefined
      ? fail('undeclared', 'nothing declares whether they are corrected')
      : fail('uncorrected', missing.join(', '))
  // without a switch nothing can reorder packets between root port and device
  if (!satisfied('ide.topology')) return blocked('ide.topology')
  return context.result('ide.topology').result === 'pass'
    ? pass('no switch is in the path')
    : relaxed('allowSkip', 'as far as there is no switch')
}

const topology: Check = ({rule, facts}) => {
  const relief = rule.tsm.ideErrata === 'no-switch' ? undefined : `tsm.ideErrata: ${rule.tsm.ideErrata}`
  if (!isHostSide(facts.bundle)) return skip('kern', 'a guest sees the topology its host shows it', relief)
  if (facts.ide.kind === 'malformed') return malformed('ide', facts.ide.error)
  const switches = known(facts.ide)?.switches ?? null
  if (switches === null) return skip('kern', 'the place of the device is not known', relief)
  const [first] = switches
  if (first === undefined) return pass()
  return relief === undefined ? fail('switch', switches.join(', '), {place: IDE}) : relaxed(relief, `switch ${first}`)
}

export const LINK_CHECKS = {
  'ide.stream.secure': secure,
  'ide.stream.default': byDefault,
  'ide.stream.association': association,
  'ide.keys.session': keys,
  'ide.tee-limited': teeLimited,
  'ide.errata': errata,
  'ide.topology': topology,
} satisfies Record<string, Check>
