/** What only the TSM can say of its session, its lock and the report: that they are this device's, and of now. */
import {createHash, timingSafeEqual} from 'node:crypto'
import {fromHex, isZero} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import type {TsmFacts, TsmMark, TsmSession} from '../../evidence/index.js'
import type {CertificateFacts} from '../../spdm/index.js'
import {known} from '../facts.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, failIfAny, pass, skip} from './verdict.js'

/** Answers from the TSM's statements; what does not decode has failed elsewhere, and is no way around this check. */
const stated =
  (answer: (tsm: TsmFacts | undefined, context: Context) => Answer): Check =>
  context => {
    const {tsm} = context.facts
    return tsm.kind === 'malformed' ? blocked('tsm.digest.algo') : answer(known(tsm), context)
  }

const PLACE = {object: 'tsm'}
const silent = (what: string): Answer => skip('tsm', `the TSM does not tell ${what}`)

/** The mark of something that the TSM makes anew for every request. */
function advanced(mark: TsmMark | undefined): Answer | undefined {
  if (mark?.before == null || mark.after === null) return undefined
  if (isZero(fromHex(mark.after)))
    return fail('zero', 'its measurement nonce is all zero, as of no request', {place: PLACE})
  return mark.before === mark.after
    ? fail('same', 'its measurement nonce did not advance', {place: PLACE})
    : pass('its measurement nonce advanced')
}

const digestFresh = stated(tsm => {
  const digest = tsm?.measurementDigest
  if (digest?.valid === false) return fail('invalid', 'it has no valid digest of the measurements', {place: PLACE})
  if (digest?.fresh === false) return fail('old', 'it calls the digest not fresh', {place: PLACE})
  const mark = advanced(tsm?.marks?.measurements)
  if (mark !== undefined) return mark
  return digest === undefined ? silent('whether its digests answer our request') : pass()
})

const isNone = (id: string): boolean => BigInt(id) === 0n

const sessionBound = stated(tsm => {
  const session = tsm?.session
  if (session?.bound === false) return fail('unbound', 'the TSM says so', {place: PLACE})
  if (session?.alive === false) return fail('ended', 'its session has ended', {place: PLACE})
  if (session?.id !== undefined && isNone(session.id)) return fail('none', 'it has no session', {place: PLACE})
  if (session?.bound === undefined) return silent('whether the TDI is bound')
  if (session.alive === undefined && session.id === undefined) return silent('whether the session lives')
  return pass(session.id === undefined ? undefined : `session ${session.id}`)
})

const KEY_NAMES = {certificate: 'certificate', spki: 'public key'} as const
const HASHES = ['sha256', 'sha384', 'sha512']

function sameKey({of, alg, value}: NonNullable<TsmSession['key']>, leaf: CertificateFacts): Answer {
  if (!HASHES.includes(alg)) return fail('algorithm', `digest algorithm ${quoted(alg)}`, {place: PLACE})
  const actual = createHash(alg)
    .update(of === 'certificate' ? leaf.der : leaf.spki)
    .digest()
  const expected = fromHex(value)
  if (expected.length !== actual.length)
    return fail('length', `a digest of ${expected.length} bytes`, {expected: `${actual.length} bytes`, place: PLACE})
  return timingSafeEqual(actual, expected)
    ? pass(`its ${KEY_NAMES[of]} is the leaf's`)
    : fail('differs', `its ${KEY_NAMES[of]} is not the leaf's`, {place: PLACE})
}

const sessionKey = stated((tsm, {facts, satisfied}) => {
  const key = tsm?.session?.key
  if (key === undefined) return silent('which key the session was built with')
  // another chain than the TSM's has another leaf: that is known already
  if (!satisfied('tsm.digest.certs')) return blocked('tsm.digest.certs')
  const leaf = known(facts.certificates)?.at(-1)
  return leaf === undefined ? blocked('spdm.chain.format') : sameKey(key, leaf)
})

/** `wanted` undefined: the rule takes either. */
interface FlagTerms {
  readonly name: string
  readonly is: boolean | undefined
  readonly wanted: boolean | undefined
  /** What the report says of the same, where it says it. */
  readonly reported?: boolean | undefined
}

function flagTerms({lockFlags: flags = {}}: TsmFacts, {rule: {tdisp}, facts}: Context): readonly FlagTerms[] {
  const report = known(facts.report)?.facts
  const hasMsix = known(facts.pci)?.msix !== null
  const strict = tdisp.bindP2p === 'deny'
  return [
    {
      name: 'NO_FW_UPDATE',
      is: flags.noFwUpdate,
      wanted: tdisp.noFwUpdate === 'require' ? true : undefined,
      reported: report && report.firmwareUpdates === 'refused',
    },
    {
      name: 'LOCK_MSIX',
      is: flags.lockMsix,
      wanted: tdisp.lockMsix === 'require' && hasMsix ? true : undefined,
      // a table that is not locked must not be reported; one that is locked must (§11.3.11)
      reported: report && hasMsix ? report.ranges.some(({msixTable}) => msixTable) : undefined,
    },
    {name: 'BIND_P2P', is: flags.bindP2p, wanted: strict ? false : undefined},
    {name: 'ALL_REQUEST_REDIRECT', is: flags.allRequestRedirect, wanted: strict ? true : undefined},
  ]
}

const bit = (value: boolean): string => (value ? '1' : '0')

const lockFlags = stated((tsm, context) => {
  if (tsm?.lockFlags === undefined) return silent('the flags of the lock')
  const terms = flagTerms(tsm, context)
  const wrong = terms.flatMap(({name, is, wanted, reported}) => {
    if (is === undefined) return []
    if (wanted !== undefined && is !== wanted) return [{code: 'rule', message: `${name} is ${bit(is)}`, want: wanted}]
    return reported !== undefined && is !== reported
      ? [{code: 'report', message: `${name} is ${bit(is)}, the report says ${bit(reported)}`, want: reported}]
      : []
  })
  const [first] = wrong
  if (first !== undefined)
    return failIfAny(
      wrong.map(({code, message}) => ({code, message, place: PLACE})),
      bit(first.want),
    )
  const unstated = terms.filter(({is, wanted}) => is === undefined && wanted !== undefined).map(({name}) => name)
  return unstated.length === 0 ? pass() : silent(unstated.join(', '))
})

interface Readings {
  readonly mark: TsmMark | undefined
  /** What the manifest recorded when it was collected. */
  readonly recorded: string | null
  readonly now: string | undefined
  readonly nothing: string
}

/** Without leading zeros: a counter has no width of its own. */
const shortest = (mark: string): string => mark.replace(/^0+(?=.)/, '')

/** Unchanged in everything that was read of it. One reading alone says nothing. */
function unchanged({mark, recorded, now, nothing}: Readings, zeroIsNone: boolean): Answer {
  const readings = [mark?.before, mark?.after, recorded, now].flatMap(value => (value == null ? [] : [shortest(value)]))
  const [first, ...others] = readings
  if (first === undefined) return silent(nothing)
  if (zeroIsNone && readings.includes('0')) return fail('zero', 'its mark is all zero, as of no lock', {place: PLACE})
  const other = others.find(value => value !== first)
  if (other !== undefined) return fail('changed', `0x${first} became 0x${other}`, {place: PLACE})
  // given once and then no more: that is a change too
  if (mark != null && (mark.before === null) !== (mark.after === null))
    return fail('vanished', 'the TSM gave it only once', {place: PLACE})
  return others.length === 0 ? skip('tsm', `the TSM told ${nothing} only once`) : pass()
}

const HEX = /^([0-9a-f]{2})+$/

const lockEpoch = stated((tsm, {facts, circumstances}) => {
  const {kind, value} = facts.bundle.manifest.lockEpoch
  if (kind === 'lock-nonce' && (value === null || !HEX.test(value)))
    return fail('malformed', 'the recorded nonce is none', {place: {object: 'manifest'}})
  return unchanged(
    {
      mark: tsm?.marks?.lock,
      recorded: kind === 'lock-nonce' ? value : null,
      now: circumstances.tsm?.lock,
      nothing: 'which lock this is',
    },
    true,
  )
})

const DECIMAL = /^\d{1,20}$/

const reportCounter = stated((tsm, {facts, circumstances}) => {
  const {kind, value} = facts.bundle.manifest.lockEpoch
  if (kind === 'report-counter' && (value === null || !DECIMAL.test(value)))
    return fail('malformed', 'the recorded count is none', {place: {object: 'manifest'}})
  return unchanged(
    {
      mark: tsm?.marks?.report,
      recorded: kind === 'report-counter' ? BigInt(value!).toString(16) : null,
      now: circumstances.tsm?.report,
      nothing: 'how often the report was generated',
    },
    false,
  )
})

/** Two functions of a device have reports that look alike: only the TSM knows whose this is. */
const interfaceId = stated((tsm, {facts}) => {
  const told = tsm?.interface
  if (told === undefined) return silent('which TDI the report is of')
  const {report, tdi, bdf} = told
  const own = facts.bundle.manifest.device.bdf
  if (tdi !== undefined && BigInt(report) !== BigInt(tdi)) return fail('other', report, {expected: tdi, place: PLACE})
  if (bdf !== undefined && bdf !== own)
    return fail('mapped', `${report}, which is ${bdf}`, {expected: own ?? 'a function', place: PLACE})
  if (tdi === undefined && bdf === undefined) return silent('what the identifier of the report maps to')
  return pass(`${report} is this TDI`)
})

export const TSM_CHECKS = {
  'tsm.digest.fresh': digestFresh,
  'tsm.session.bound': sessionBound,
  'tsm.session.pubkey': sessionKey,
  'tsm.lock.flags': lockFlags,
  'tsm.lock.epoch': lockEpoch,
  'tsm.report.counter': reportCounter,
  'tdisp.interface.id': interfaceId,
} satisfies Record<string, Check>
