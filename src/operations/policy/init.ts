/**
 * `policy init`: a policy to start from. From evidence it takes what the device showed; that it is right to trust is for
 * a person to find out, so such a policy asks for review and says what has to be compared with the vendor's words.
 */
import {type Appraisal, appraise, gatherFacts, loadPolicy, SKIP_NAMES} from '../../appraisal/index.js'
import {toHex} from '../../bits/index.js'
import {printable, TsmctlError} from '../../errors.js'
import type {Bundle} from '../../evidence/index.js'
import {type BlockFacts, versionText} from '../../spdm/index.js'
import {BUILT} from '../built.js'

type Facts = Awaited<ReturnType<typeof gatherFacts>>

const DENY_ALL = `# A policy for tsmctl: without a rule for it, every device is denied.
# docs/policy.md says how to write one, tsmctl policy lint what is wrong with it.
tsmctlPolicy: 1
name: deny-all
rules: []
`

/** The policy that denies everything: what a machine has before somebody decided something. */
export const denyAll = (): string => DENY_ALL

const quote = (text: string): string => JSON.stringify(text)
/** A star at the end of a name would stand for any. */
const HARMLESS = /^[\x20-\x29\x2b-\x7e]{1,128}$/

const HASHES = ['sha256', 'sha384', 'sha512']

/** One expected value, or why there is none. */
function valueLine({index, typeName, raw, value, svn, problems}: BlockFacts, hash: string | undefined): string {
  if (typeName === undefined || problems.length > 0)
    return `        # block ${index} is not one this version can compare`
  const entry = (expected: string): string => `        - {index: ${index}, type: ${typeName}, ${expected}}`
  if (svn !== undefined) return entry(`svn: {min: ${svn}}`)
  // how the device runs is judged by checks of its own (device mode, debug)
  if (typeName === 'device-mode') return entry('informational: true')
  if (raw) return entry(value.length === 0 ? 'informational: true' : `raw: [${quote(toHex(value))}]`)
  return hash !== undefined && HASHES.includes(hash)
    ? entry(`digests: [${quote(`${hash}:${toHex(value)}`)}]`)
    : `        # block ${index} is a digest by ${hash ?? 'an unknown hash'}, which a policy cannot name`
}

const decoded = <T>(fact: {readonly kind: string; readonly value?: T}): T | undefined =>
  fact.kind === 'decoded' ? fact.value : undefined

function valueLines({measurements, negotiated}: Facts): readonly string[] {
  const blocks = decoded(measurements)?.blocks ?? []
  if (blocks.length === 0)
    return [
      '    # the evidence has no measurements: nothing says which firmware is right',
      '    measurements: {source: none}',
    ]
  return [
    '    # what the device measured; compare each value with what the vendor published for the firmware you want',
    '    measurements:',
    '      source: inline',
    '      values:',
    ...blocks.map(block => valueLine(block, negotiated?.measurementHash?.name)),
  ]
}

function matchLine({bundle}: Facts): string {
  const {vendor, device, bdf} = bundle.manifest.device
  const members = [
    ...(vendor === null ? [] : [`vendor: ${quote(vendor)}`]),
    ...(device === null ? [] : [`device: [${quote(device)}]`]),
  ]
  return `    match: {${members.length > 0 ? members.join(', ') : `bdf: [${quote(bdf ?? '0000:00:00.0')}]`}}`
}

function spdmLines({negotiated, vca}: Facts): readonly string[] {
  const version = decoded(vca)?.version
  const minVersion = version === undefined ? '1.2' : versionText(version)
  const {hash, asym} = negotiated ?? {}
  const members = [
    `minVersion: ${quote(minVersion)}`,
    ...(hash ? [`hash: [${hash.name}]`] : []),
    ...(asym ? [`asym: [${asym.name}]`] : []),
  ]
  return [`    spdm: {${members.join(', ')}}`]
}

interface Skip {
  readonly check: string
  readonly because: string
  readonly why: string
}

/** Checks that this evidence leaves open, for the writer to allow or not. */
const openIn = ({results}: Appraisal): readonly Skip[] =>
  results.flatMap(({id, result, reason, blocking, text}) =>
    blocking && result === 'skip' && reason !== null ? [{check: id, because: SKIP_NAMES[reason], why: text}] : [],
  )

const skipLine = ({check, because, why}: Skip): string =>
  `  - {check: ${check}, because: ${because}}  # ${printable(why, 100)}`

/** The skips as the rule would have them, behind `mark`. */
const skipLines = (skips: readonly Skip[], mark: string): readonly string[] =>
  skips.length === 0 ? [] : ['allowSkip:', ...skips.map(skipLine)].map(line => `    ${mark}${line}`)

function textOf(facts: Facts, skips: readonly string[]): string {
  const chain = decoded(facts.certificates)!
  const [root, leaf] = [chain[0]!, chain.at(-1)!]
  const name = leaf.deviceInfo?.text
  const allowed =
    name !== undefined && HARMLESS.test(name)
      ? `{san: ${quote(name)}}`
      : `{certSha384: ${quote(`sha384:${leaf.sha384}`)}}`
  return [
    '# Written by tsmctl policy init from evidence of one device. Nothing in it is known to be right:',
    '# whoever had the device, or the way to it, could have shown anything. Before it is used, compare',
    '# the digest of the root and the measured values with what the vendor says, and delete this text.',
    'tsmctlPolicy: 1',
    'name: from-evidence',
    'anchors:',
    `  # subject ${printable(root.subject, 100)}${root.selfIssued ? '' : ', which is not its own issuer: better anchor in the root above it'}`,
    `  vendor: [{label: not yet compared with the vendor, certSha384: ${quote(`sha384:${root.sha384}`)}}]`,
    'rules:',
    '  - id: device',
    matchLine(facts),
    '    # a person looks at every device; accept instead only once everything here is known to be right',
    '    decision: review',
    '    anchors: [vendor]',
    ...skips,
    ...spdmLines(facts),
    '    # this one device; mode any-from-anchor would take any device of the vendor',
    `    identity: {mode: allowlist, allow: [${allowed}]}`,
    ...valueLines(facts),
    '    human: typed',
    '',
  ].join('\n')
}

/** A policy for the device of this evidence. Throws TsmctlError `malformed` for evidence without certificates. */
export async function policyFrom(bundle: Bundle): Promise<string> {
  const facts = await gatherFacts(bundle)
  if ((decoded(facts.certificates)?.length ?? 0) === 0)
    throw new TsmctlError({
      kind: 'malformed',
      attempted: 'write a policy from evidence',
      got: 'it has no certificate chain that can be read',
      hint: 'Without one nothing says who the device is; tsmctl policy init alone writes a policy that denies everything.',
    })
  const skips = await openChecks(bundle, facts)
  const note = '    # not answered by this evidence: allow what you accept not to know, one by one'
  return textOf(facts, skips.length === 0 ? [] : [note, ...skipLines(skips, '# ')])
}

/** What is behind a check that is left open only shows when it is allowed to be. */
const DEEPEST = 4

async function openChecks(bundle: Bundle, facts: Facts): Promise<readonly Skip[]> {
  const now = new Date(bundle.manifest.collectedAt)
  let skips: readonly Skip[] = []
  for (let depth = 0; depth < DEEPEST; depth++) {
    const policy = loadPolicy([{name: 'init', text: textOf(facts, skipLines(skips, ''))}], new Map(), now)
    const more = openIn(await appraise({bundle, policy, now, clockTrusted: true, mode: 'offline', built: BUILT}))
    if (more.length === 0) break
    skips = [...skips, ...more]
  }
  return skips
}
