/** What was negotiated (DSP0274 §10.4-10.6). */
import {equal} from '../../bits/index.js'
import {algorithmProblems, capabilityProblems, SPDM_VERSION, type VcaFacts, versionText} from '../../spdm/index.js'
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

const version: Check = ({facts, rule}) => {
  const vca = known(facts.vca)
  // a transcript without negotiation still says which version its messages are
  const used = vca?.version ?? known(facts.measurements)?.version
  if (used === undefined) return blocked('spdm.vca.framing')
  const least = rule.spdm.minVersion
  if (vca !== undefined && !vca.versionOffered)
    return fail('not-offered', versionText(used), {expected: 'one that the device offers', place: {object: 'vca'}})
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

const matchSession: Check = () => skip('tsm', "the kernel interface does not tell the session's algorithms")

export const SPDM_SESSION_CHECKS = {
  'spdm.vca.framing': framing,
  'spdm.vca.version': version,
  'spdm.vca.algorithms': algorithms,
  'spdm.vca.capabilities': capabilities,
  'spdm.vca.meas-fresh': measFresh,
  'spdm.vca.covered': covered,
  'spdm.vca.match-session': matchSession,
} satisfies Record<string, Check>
