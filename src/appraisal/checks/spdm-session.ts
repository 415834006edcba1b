/** What was negotiated (DSP0274 §10.4-10.6). */
import {equal} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import type {TsmSession} from '../../evidence/index.js'
import {
  algorithmProblems,
  capabilityProblems,
  type SelectionName,
  SPDM_VERSION,
  type VcaFacts,
  versionText,
} from '../../spdm/index.js'
import {known} from '../facts.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, failIfAny, malformed, pass, relaxed, skip} from './verdict.js'

const NEEDED_AEAD = 'aes-256-gcm'
const MEAS_CAP_SIGNED = 2

const framing: Check = ({facts}) => {
  if (facts.vcaIsEmbedded) return skip('na', 'the negotiation is inside the measurement transcript')
  if (facts.vca.kind === 'malformed') return malformed('vca', facts.vca.error)
  return facts.vca.kind === 'decoded' ? pass() : fail('absent', 'there is none')
}

/** Answers from the negotiation, or blocked where there is none to look at. */
const fromVca =
  (answer: (vca: VcaFacts, context: Context) => Answer): Check =>
  context => {
    const vca = known(context.facts.vca)
    return vca === undefined ? blocked('spdm.vca.framing') : answer(vca, context)
  }

/** `1.2` to 0x12. */
const versionOf = (text: string): number => {
  const [major, minor] = text.split('.').map(Number)
  return major! * 16 + minor!
}

/**
 * The version that should have been chosen, where the host made one side believe that the other has nothing newer:
 * GET_VERSION carries no list of the requester's, so that only the TSM knows what it would have taken.
 */
function downgradedFrom({version: used, offeredVersions}: VcaFacts, max: string | undefined): string | undefined {
  if (max === undefined) return undefined
  const common = offeredVersions.map(({version}) => version).filter(offered => offered <= versionOf(max))
  const best = Math.max(...common)
  return best === used ? undefined : common.length === 0 ? max : versionText(best)
}

const version: Check = ({facts, rule}) => {
  const vca = known(facts.vca)
  // a transcript without negotiation still says which version its messages are
  const used = vca?.version ?? known(facts.measurements)?.version
  if (used === undefined) return blocked('spdm.vca.framing')
  const least = rule.spdm.minVersion
  const most = vca && downgradedFrom(vca, known(facts.tsm)?.session?.maxSpdmVersion)
  if (vca !== undefined && !vca.versionOffered)
    return fail('not-offered', versionText(used), {expected: 'one that the device offers', place: {object: 'vca'}})
  if (most !== undefined)
    return fail('downgraded', versionText(used), {expected: `${most}, which both sides have`, place: {object: 'vca'}})
  if (used < SPDM_VERSION[least]) return fail('below', versionText(used), {expected: `${least} or later`})
  return least === '1.1' && used < SPDM_VERSION['1.2'] ? relaxed('spdm.minVersion: 1.1') : pass(versionText(used))
}

const unlessAllowed = (what: string, got: string | undefined, list: readonly string[]): string[] =>
  got !== undefined && list.includes(got) ? [] : [`${what} ${got ?? 'none'}`]

const algorithms = fromVca((vca, {rule}) => {
  const {hash, asym} = rule.spdm
  const problems: readonly (readonly [code: string, messages: readonly string[]])[] = [
    ['selection', algorithmProblems(vca)],
    ['hash', unlessAllowed('hash', vca.hash?.name, hash)],
    ['signature', unlessAllowed('signature', vca.asym?.name, asym)],
    ['aead', unlessAllowed('AEAD', vca.aead, [NEEDED_AEAD])],
    ['measurement-hash', vca.measurementHash === undefined ? ['measurement hash none'] : []],
  ]
  return failIfAny(
    problems.flatMap(([code, messages]) => messages.map(message => ({code, message, place: {object: 'vca'}}))),
    `${hash.join('/')}, ${asym.join('/')}, ${NEEDED_AEAD}`,
  )
})

const capabilities = fromVca(({version: agreed, responder}) => {
  const {flags} = responder
  const table: readonly (readonly [string, boolean])[] = [
    ['MEAS_CAP (signed)', flags.measCap === MEAS_CAP_SIGNED],
    ['CERT_CAP', flags.certCap],
    ['KEY_EX_CAP', flags.keyExCap],
    ['ENCRYPT_CAP', flags.encryptCap],
    ['MAC_CAP', flags.macCap],
  ]
  const missing = table.filter(([, has]) => !has).map(([name]) => name)
  if (missing.length > 0) return fail('missing', missing.join(', '), {place: {object: 'vca'}})
  const contradictions = capabilityProblems(agreed, 'responder', responder)
  return failIfAny(contradictions.map(message => ({code: 'contradiction', message, place: {object: 'vca'}})))
})

const measFresh = fromVca(({responder}) =>
  responder.flags.measFreshCap ? pass() : fail('reset', 'MEAS_FRESH_CAP is 0', {place: {object: 'vca'}}),
)

const covered = fromVca((vca, {facts, rule, result, satisfied}) => {
  const measurements = known(facts.measurements)
  const embedded = measurements?.embeddedVca
  if (embedded !== undefined && !equal(embedded.bytes, vca.bytes))
    return fail('differs', 'the signed transcript carries another negotiation', {place: {object: 'vca'}})
  const byTsm = result('tsm.digest.vca').result === 'pass'
  if (measurements?.coversVca) {
    if (satisfied('spdm.meas.signature')) return pass('inside the verified signature')
    return byTsm ? pass('equals what the TSM saw') : blocked('spdm.meas.signature')
  }
  if (byTsm) return pass('equals what the TSM saw')
  if (rule.spdm.minVersion === '1.1' && rule.tsm.digests === 'if-available')
    return relaxed('spdm.minVersion: 1.1', 'SPDM 1.1 signs no negotiation, and no TSM vouches for it')
  return fail('unsigned', `SPDM ${versionText(vca.version)} signs no negotiation, and no TSM vouches for it`)
})

/** What a session is made of, and where a negotiation says it. */
const OF_SESSION: Readonly<Record<keyof NonNullable<TsmSession['algorithms']>, (vca: VcaFacts) => string | undefined>> =
  {
    hash: vca => vca.hash?.name,
    asym: vca => vca.asym?.name,
    measurementHash: vca => vca.measurementHash?.name,
    dhe: vca => onlyName(vca, 'DHE'),
    aead: vca => vca.aead,
  }

function onlyName({selections}: VcaFacts, wanted: SelectionName): string | undefined {
  const names = selections.find(({name}) => name === wanted)?.selectedNames ?? []
  return names.length === 1 ? names[0] : undefined
}

const matchSession = fromVca((vca, {facts: {tsm}}) => {
  if (tsm.kind === 'malformed') return blocked('tsm.digest.algo')
  const session = known(tsm)?.session
  const stated = Object.entries(session?.algorithms ?? {}).filter(([, name]) => name !== undefined)
  const inUse = session?.spdmVersion
  if (stated.length === 0 && inUse === undefined) return skip('tsm', 'the TSM does not tell what its session uses')
  const differing = stated.flatMap(([part, name]) => {
    const negotiated = OF_SESSION[part as keyof typeof OF_SESSION](vca)
    return name === negotiated ? [] : [{code: part, message: `${part} ${quoted(name ?? '')}`, negotiated}]
  })
  const [first] = differing
  if (first !== undefined)
    return failIfAny(
      differing.map(({code, message}) => ({code, message, place: {object: 'tsm'}})),
      first.negotiated,
    )
  if (inUse !== undefined && versionOf(inUse) !== vca.version)
    return fail('version', `SPDM ${inUse}`, {expected: versionText(vca.version), place: {object: 'tsm'}})
  return stated.length === 0
    ? skip('tsm', "the TSM does not tell its session's algorithms")
    : pass(stated.map(([part]) => part).join(', '))
})

export const SPDM_SESSION_CHECKS = {
  'spdm.vca.framing': framing,
  'spdm.vca.version': version,
  'spdm.vca.algorithms': algorithms,
  'spdm.vca.capabilities': capabilities,
  'spdm.vca.meas-fresh': measFresh,
  'spdm.vca.covered': covered,
  'spdm.vca.match-session': matchSession,
} satisfies Record<string, Check>
