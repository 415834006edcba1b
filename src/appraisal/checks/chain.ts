/** The certificate chain: format, path, leaf. */
import {equal} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import {
  type CertificateFacts,
  deviceCertificateIndex,
  digestOf,
  isHashSupported,
  type LeafProblem,
  leafProblems,
  modelProblems,
  type PathProblemKind,
  validityProblems,
} from '../../spdm/index.js'
import {certificateLabel, known} from '../facts.js'
import {problemsOfPath} from '../trust-path.js'
import {aboutChain} from './about-chain.js'
import {type Check, withoutAlgorithms} from './context.js'
import {revocation} from './revocation.js'
import {blocked, fail, failIfAny, malformed, pass, skip} from './verdict.js'

const format: Check = ({facts}) => {
  const {chain, certificates, slot} = facts
  const label = certificateLabel(slot)
  if (chain.kind === 'undecodable') return withoutAlgorithms(facts)
  if (chain.kind === 'absent') return fail('absent', `there is no ${label}`)
  if (chain.kind === 'malformed') return malformed(label, chain.error)
  if (certificates.kind === 'malformed') return malformed(label, certificates.error)
  return pass(`${chain.value.certificates.length} certificates`)
}

const slot: Check = ({facts, rule}) => {
  const measurements = known(facts.measurements)
  const seen = new Set([facts.slot])
  for (const {request, response} of measurements?.exchanges ?? []) {
    if (request.slot !== undefined) seen.add(request.slot)
    // an unsigned response need not name a slot
    if (request.signatureRequested) seen.add(response.slot)
  }
  const session = known(facts.tsm)?.session?.slot
  if (session !== undefined) seen.add(session)
  if (rule.spdm.slot !== null) seen.add(rule.spdm.slot)
  return seen.size === 1
    ? pass(`slot ${facts.slot}`)
    : fail('differ', [...seen].join(', '), {expected: 'one slot', place: {object: 'measurements'}})
}

const rootHash: Check = ({facts, anchor}) => {
  const header = known(facts.chain)
  const {negotiated} = facts
  if (header === undefined || negotiated === undefined || anchor === undefined) return blocked('spdm.chain.root-pinned')
  if (anchor.certificate === undefined) return skip('na', 'only the key of the anchor is known')
  if (!isHashSupported(negotiated.hash)) return fail('unsupported', `${negotiated.hash.name} cannot be computed here`)
  return equal(digestOf(negotiated.hash, anchor.certificate), header.rootHash)
    ? pass()
    : fail('differs', 'another root', {place: {object: certificateLabel(facts.slot), offset: 4}})
}

const rootPinned = aboutChain(([first], {anchor, policy, rule}) => {
  if (anchor !== undefined) return pass(`anchor ${quoted(anchor.anchor.label)}`)
  const labels = rule.anchors.flatMap(set => policy?.anchors.get(set)?.map(({label}) => quoted(label)) ?? [])
  if (labels.length === 0) return fail('no-anchors', 'a root nobody pinned', {expected: 'an anchor'})
  return fail('unknown', quoted(first!.selfIssued ? first!.subject : first!.issuer), {expected: labels.join(' or ')})
})

const ofPath = (...kinds: readonly PathProblemKind[]): Check =>
  aboutChain((chain, {facts, anchor}) =>
    failIfAny(
      problemsOfPath(chain, anchor)
        .filter(({kind}) => kinds.includes(kind))
        .map(({kind, certificate, message}) => ({
          code: kind,
          message: `certificate ${certificate}: ${message}`,
          place: {object: certificateLabel(facts.slot)},
        })),
    ),
  )

const ofLeaf = (...kinds: readonly LeafProblem['kind'][]): Check =>
  aboutChain((chain, {facts}) => {
    const version = known(facts.vca)?.version ?? known(facts.measurements)?.version ?? 0
    const problems = leafProblems(chain.at(-1)!, version, facts.negotiated?.asym)
    return failIfAny(
      problems.filter(({kind}) => kinds.includes(kind)).map(({kind, message}) => ({code: kind, message})),
      facts.negotiated?.asym.name,
    )
  })

const model = aboutChain((chain, {facts, rule}) => {
  const flags = known(facts.vca)?.responder.flags
  if (flags === undefined) return blocked('spdm.vca.framing')
  const used = flags.aliasCertCap ? 'alias' : 'device'
  const {certModel} = rule.spdm
  if ((certModel === 'device' || certModel === 'alias') && certModel !== used)
    return fail('rule', `${used} certificates`, {expected: `${certModel} certificates`})
  const contradictions = modelProblems(chain, used)
  if (contradictions.length > 0)
    return failIfAny(
      contradictions.map(({certificate, message}) => ({
        code: 'marks',
        message: `certificate ${certificate}: ${message}`,
      })),
    )
  if (
    flags.aliasCertCap &&
    !chain.some(({mutableCertificate, hardwareIdentity}) => mutableCertificate || hardwareIdentity)
  )
    return skip('abs', 'the certificates do not say which of them is the device certificate')
  return pass(`${used} certificates`)
})

const validity = aboutChain((chain, {circumstances, rule, facts, anchor}) => {
  const {validity: mode, floor} = rule.time
  const {now, built, clockTrusted} = circumstances
  if (mode !== 'floor-only' && (!clockTrusted || facts.bundle.manifest.clock === 'untrusted'))
    return skip('clk', 'nobody vouches for the clock')
  const problems = validityProblems(chain, mode, {
    now,
    built,
    floor: floor === null ? undefined : new Date(floor),
    above: anchor?.above,
  })
  return failIfAny(
    problems.map(({kind, certificate, message}) => ({code: kind, message: `certificate ${certificate}: ${message}`})),
  )
})

const denied = aboutChain((chain, {policy}) => {
  const [leaf] = chain.slice(-1)
  for (const entry of policy?.document.deny ?? []) {
    const index = chain.findIndex(({sha384, spkiSha384}) =>
      [sha384, spkiSha384].some(digest => `sha384:${digest}` === entry.certSha384),
    )
    if (index >= 0) return fail('certificate', `certificate ${index}: ${quoted(entry.reason)}`)
    if (entry.device !== undefined && entry.device === leaf?.deviceInfoText)
      return fail('device', `${quoted(entry.device)}: ${quoted(entry.reason)}`)
  }
  return pass()
})

/** Certificate that identifies the device, by the rule's kind of pin. */
export const pinnedCertificate = (chain: readonly CertificateFacts[], pin: string): CertificateFacts =>
  chain[pin === 'leaf' ? chain.length - 1 : deviceCertificateIndex(chain)]!

export const CHAIN_CHECKS = {
  'spdm.chain.format': format,
  'spdm.chain.slot': slot,
  'spdm.chain.root-hash': rootHash,
  'spdm.chain.root-pinned': rootPinned,
  'spdm.chain.signatures': ofPath('signature', 'issuer-name', 'key-identifier', 'no-certificates'),
  'spdm.chain.ca-flags': ofPath('not-ca', 'no-cert-sign', 'path-length'),
  'spdm.chain.leaf-ca': ofLeaf('ca', 'basic-constraints'),
  'spdm.chain.leaf-key-usage': ofLeaf('key-usage'),
  'spdm.chain.leaf-eku': ofLeaf('extended-key-usage'),
  'spdm.chain.leaf-key-algo': ofLeaf('key-algorithm'),
  'spdm.chain.model': model,
  'spdm.chain.critical-ext': ofPath('critical-extension', 'duplicate-extension', 'unreadable-extension'),
  'spdm.chain.weak': ofPath('weak'),
  'spdm.chain.validity': validity,
  'spdm.chain.revocation': revocation,
  'spdm.chain.denied': denied,
} satisfies Record<string, Check>
