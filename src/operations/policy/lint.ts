/** `policy lint`: everything that is wrong with a policy, and what is only worth knowing. */
import {findingLine, type Policy, type PolicyFinding, productionFindings} from '../../appraisal/index.js'
import {quoted, TsmctlError} from '../../errors.js'
import type {Kernel} from '../../kernel/index.js'
import {readAudit} from '../audit.js'

export interface PolicyLint {
  readonly policy: string
  readonly digest: string | null
  readonly signedBy: string | null
  readonly findings: readonly PolicyFinding[]
  readonly warnings: readonly PolicyFinding[]
}

export interface LintWishes {
  /** Refuse what is for laboratories. */
  readonly production?: boolean | undefined
  /** Tell which waivers no decision of this machine ever used. */
  readonly unused?: boolean | undefined
}

const listed = (value: unknown, ...keys: readonly string[]): readonly unknown[] => {
  const found = keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined),
    value,
  )
  return Array.isArray(found) ? found : []
}

/** Waivers that no recorded decision relied on: whoever deletes them loses nothing. */
function unusedWaivers({document}: Policy, kernel: Kernel): readonly PolicyFinding[] {
  const used = new Set(readAudit(kernel).records.flatMap(record => listed(record, 'verdict', 'relaxed')))
  return (document.waivers ?? [])
    .filter(({id, check}) => !used.has(`${check}=${id}`))
    .map(({id, check}) => ({
      id: 'unused',
      where: `waiver ${id}`,
      message: `no decision recorded on this machine used it for ${check}`,
    }))
}

export function lintGiven(policy: Policy, kernel: Kernel, {production, unused}: LintWishes = {}): PolicyLint {
  const {name, digest, signedBy, findings, warnings, document} = policy
  return {
    policy: name,
    digest,
    signedBy,
    findings: [...findings, ...(production ? productionFindings(document) : [])],
    warnings: [...warnings, ...(unused ? unusedWaivers(policy, kernel) : [])],
  }
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`

export const lintText = ({policy, digest, findings, warnings}: PolicyLint): string =>
  [
    ...findings.map(finding => `error    ${findingLine(finding)}`),
    ...warnings.map(finding => `warning  ${findingLine(finding)}`),
    `policy ${policy}: ${counted(findings.length, 'error')}, ${counted(warnings.length, 'warning')}${digest === null ? '' : `, digest ${digest}`}`,
    '',
  ].join('\n')

/** The error that a policy with findings ends with; undefined for one that can be used. */
export function lintError({policy, findings}: PolicyLint): TsmctlError | undefined {
  const [first] = findings
  return first === undefined
    ? undefined
    : new TsmctlError({
        kind: 'policy',
        attempted: `use policy ${quoted(policy)}`,
        got: `${findingLine(first)}${findings.length === 1 ? '' : `, and ${findings.length - 1} more`}`,
        hint: 'docs/reference/policy.md says what the rules of lint are about.',
      })
}
