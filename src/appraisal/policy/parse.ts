/** From a value to the document of a policy. */
import * as v from 'valibot'
import {issueText} from '../../evidence/index.js'
import {POLICY, type PolicyDocument} from './schema.js'

export interface FormProblem {
  /** Path of the member; empty for the document itself. */
  readonly path: string
  readonly message: string
}

export type ParsedPolicy =
  | {readonly ok: true; readonly document: PolicyDocument}
  | {readonly ok: false; readonly problems: readonly FormProblem[]}

/** Where a list stands for a map: to the language both are objects, and an empty list would pass as an empty map. */
function listsForMaps(given: unknown, read: unknown, path: string): readonly FormProblem[] {
  if (typeof given !== 'object' || given === null) return []
  if (Array.isArray(given) !== Array.isArray(read)) return [{path, message: 'is a list, and a map is expected'}]
  const members = read as Readonly<Record<string, unknown>>
  return Object.entries(given).flatMap(([name, value]) =>
    listsForMaps(value, members[name], path === '' ? name : `${path}.${name}`),
  )
}

export function parsePolicy(value: unknown): ParsedPolicy {
  const parsed = v.safeParse(POLICY, value)
  if (!parsed.success) return {ok: false, problems: parsed.issues.map(issue => issueText([issue]))}
  const problems = listsForMaps(value, parsed.output, '')
  return problems.length === 0 ? {ok: true, document: parsed.output} : {ok: false, problems}
}
