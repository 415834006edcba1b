/** `policy test`: evidence that was kept, and what a policy is expected to decide about it. */
import * as v from 'valibot'
import {type Appraisal, appraise, CHECK_IDS, type Policy, readYaml, requireUsable} from '../../appraisal/index.js'
import {printable, printablePath, quoted, TsmctlError} from '../../errors.js'
import {type Bundle, issueText} from '../../evidence/index.js'
import {isUserDirectory, readUserDirectory, readUserFile} from '../../kernel/index.js'
import {chosenItem, importItems} from '../import-evidence.js'
import {BUILT} from '../built.js'
import {directoryOf} from './files.js'

const CASE = v.strictObject({
  name: v.optional(v.string()),
  evidence: v.string(),
  expect: v.picklist(['accept', 'review', 'deny']),
  rule: v.optional(v.string()),
  failed: v.optional(v.array(v.picklist(CHECK_IDS))),
  at: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  clockTrusted: v.optional(v.boolean()),
})
const CASES = v.strictObject({cases: v.pipe(v.array(CASE), v.minLength(1), v.maxLength(1000))})
type Case = v.InferOutput<typeof CASE>

export interface TriedCase {
  readonly name: string
  readonly ok: boolean
  readonly expected: string
  readonly decision: string
  readonly rule: string | null
  /** Checks that stand against the device. */
  readonly failed: readonly string[]
  /** What is not as expected; empty when everything is. */
  readonly differences: readonly string[]
}

export interface TriedPolicy {
  readonly policy: string
  readonly digest: string
  readonly cases: readonly TriedCase[]
}

function malformed(path: string, got: string): TsmctlError {
  return new TsmctlError({
    kind: 'malformed',
    attempted: `read the cases in ${printablePath(path)}`,
    path,
    got,
    hint: 'cases: [{evidence: file, expect: deny, failed: [a check]}]',
  })
}

function readCases(path: string): readonly Case[] {
  const yaml = readYaml(Buffer.from(readUserFile(path)).toString('utf8'))
  if (!yaml.ok) {
    const [{line, message}] = yaml.findings as [(typeof yaml.findings)[number]]
    throw malformed(path, line === undefined ? message : `line ${line}: ${message}`)
  }
  const parsed = v.safeParse(CASES, yaml.value)
  if (parsed.success) return parsed.output.cases
  const {path: where, message} = issueText(parsed.issues)
  throw malformed(path, `${where}: ${message}`)
}

/** Evidence of any form that `verify` takes. */
async function evidenceAt(path: string): Promise<Bundle> {
  const items = await importItems(isUserDirectory(path) ? readUserDirectory(path) : readUserFile(path), {
    hash: 'sha384',
    asym: 'ecdsa-p384',
    collectedAt: BUILT.toISOString(),
    newId: () => '0'.repeat(32),
    tool: 'tsmctl',
    source: path,
  })
  return chosenItem(items, undefined).bundle
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every(item => b.includes(item))
const listed = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '))

function compare({expect, rule, failed}: Case, {decision, rule: matched}: Appraisal, against: readonly string[]) {
  return [
    ...(decision === expect ? [] : [`decided ${decision}, expected ${expect}`]),
    ...(rule === undefined || rule === matched ? [] : [`rule ${matched ?? 'none'}, expected ${printable(rule)}`]),
    ...(failed === undefined || same(failed, against)
      ? []
      : [`against it: ${listed(against)}; expected: ${listed(failed)}`]),
  ]
}

async function tryCase(one: Case, path: string, policy: Policy): Promise<TriedCase> {
  const bundle = await evidenceAt(path)
  const appraisal = await appraise({
    bundle,
    policy,
    // as if decided when it was collected: what is tried is the policy, not the age of the sample
    now: new Date(one.at ?? bundle.manifest.collectedAt),
    clockTrusted: one.clockTrusted ?? true,
    mode: 'offline',
    built: BUILT,
  })
  const against = appraisal.results.filter(({blocking, result}) => blocking && result !== 'blocked').map(({id}) => id)
  const differences = compare(one, appraisal, against)
  return {
    name: printable(one.name ?? one.evidence, 200),
    ok: differences.length === 0,
    expected: one.expect,
    decision: appraisal.decision,
    rule: appraisal.rule,
    failed: against,
    differences,
  }
}

/** Decides about every case of the file at `path`, whose evidence lies beside it. */
export async function tryPolicy(policy: Policy, path: string): Promise<TriedPolicy> {
  requireUsable(policy)
  const cases: TriedCase[] = []
  for (const one of readCases(path)) {
    const evidence = one.evidence.startsWith('/') ? one.evidence : directoryOf(path) + one.evidence
    cases.push(await tryCase(one, evidence, policy))
  }
  return {policy: policy.name, digest: policy.digest!, cases}
}

export const triedText = ({cases}: TriedPolicy): string =>
  [
    ...cases.flatMap(({name, ok, decision, differences}) => [
      `${ok ? 'ok  ' : 'FAIL'}  ${name}: ${decision}`,
      ...differences.map(difference => `      ${difference}`),
    ]),
    `${cases.filter(({ok}) => ok).length} of ${cases.length} as expected`,
    '',
  ].join('\n')

/** The error that cases which turned out differently end with. */
export function triedError({policy, cases}: TriedPolicy): TsmctlError | undefined {
  const wrong = cases.filter(({ok}) => !ok)
  const [first] = wrong
  return first === undefined
    ? undefined
    : new TsmctlError({
        kind: 'denied',
        attempted: `find policy ${quoted(policy)} deciding as expected`,
        got: `${first.name}: ${first.differences[0]}${wrong.length === 1 ? '' : `, and ${wrong.length - 1} more`}`,
      })
}
