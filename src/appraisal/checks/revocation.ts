/** Revocation of the certificates between anchor and leaf (RFC 5280 §6.3, RFC 6960). */
import {printable, quoted} from '../../errors.js'
import {type CertificateFacts, type RevocationStatus, revocationStatus} from '../../spdm/index.js'
import {known} from '../facts.js'
import type {AnchorMatch} from '../trust-path.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, pass, relaxed, skip} from './verdict.js'

interface Found {
  /** Position in the chain. */
  readonly certificate: number
  readonly subject: string
  readonly status: RevocationStatus
}

type Of<K extends RevocationStatus['kind']> = Found & {readonly status: Extract<RevocationStatus, {kind: K}>}

const has =
  <K extends RevocationStatus['kind']>(kind: K) =>
  (found: Found): found is Of<K> =>
    found.status.kind === kind

/** Status of every certificate but the anchor, which is trusted by its digest and no list. */
function statuses(
  chain: readonly CertificateFacts[],
  {inChain, above}: AnchorMatch,
  {revocation, circumstances, rule, facts}: Context,
): readonly Found[] {
  const {now, built, clockTrusted} = circumstances
  const {floor} = rule.time
  const times = {
    now,
    clockTrusted: clockTrusted && facts.bundle.manifest.clock === 'trusted',
    floor: new Date(Math.max(built.getTime(), floor === null ? 0 : Date.parse(floor))),
    maxAgeHours: rule.revocation.maxAgeHours,
  }
  return chain.flatMap((certificate, i) => {
    const issuer = i > 0 ? chain[i - 1] : above
    if (issuer === undefined || (i === 0 && inChain)) return []
    const status = revocationStatus({certificate, issuer}, revocation, times)
    return {certificate: i, subject: certificate.subject, status}
  })
}

const nameOf = ({certificate, subject}: Found): string => `certificate ${certificate} (${quoted(subject)})`

const saidBy = (source: string | undefined): string => (source === undefined ? '' : ` [${quoted(source)}]`)

const numbers = (found: readonly Found[]): string => found.map(({certificate}) => certificate).join(', ')

function revokedAnswer({status, ...found}: Of<'revoked'>): Answer {
  const {at, reason, source} = status
  const why = reason === undefined ? 'no reason given' : printable(reason)
  const text = `${nameOf({...found, status})} was revoked on ${at.toISOString().slice(0, 10)}, ${why}${saidBy(source)}`
  return fail('revoked', text, {expected: 'no revoked certificate'})
}

const LOCAL_ONLY = 'revocation.mode: local-only'

function unlisted({revocation}: Context): Answer {
  const {lists, responses} = revocation
  const supplied = lists.length + responses.length
  return relaxed(
    LOCAL_ONLY,
    supplied === 0
      ? 'only the deny list was asked'
      : `what was supplied (${supplied}) revokes no certificate of the path; how old it is was not judged`,
  )
}

export const revocation: Check = context => {
  const chain = known(context.facts.certificates)
  if (chain === undefined) return blocked('spdm.chain.format')
  if (context.anchor === undefined) return blocked('spdm.chain.root-pinned')
  const [broken] = context.revocation.unreadable
  if (broken !== undefined) return fail('material', `${quoted(broken.source)}: ${printable(broken.why, 200)}`)
  const found = statuses(chain, context.anchor, context)
  const revoked = found.find(has('revoked'))
  if (revoked !== undefined) return revokedAnswer(revoked)

  const {mode} = context.rule.revocation
  if (mode === 'local-only') return unlisted(context)
  const soft = mode === 'soft' ? 'revocation.mode: soft' : undefined
  if (found.every(has('none'))) return skip('abs', 'no certificate names a source of revocation status', soft)
  const unknown = found.find(has('unknown'))
  if (unknown !== undefined) {
    const {code, why, source} = unknown.status
    const text = `the status of ${nameOf(unknown)} is unknown: ${why}${saidBy(source)}`
    return soft === undefined ? fail(code, text) : skip('off', text, soft)
  }
  const undated = found.find(has('undated'))
  if (undated !== undefined)
    return skip(
      'clk',
      `nobody vouches for the clock, so the age of ${quoted(undated.status.source)} is not known`,
      soft,
    )
  return pass(`not revoked: certificates ${numbers(found.filter(has('good')))}`)
}
