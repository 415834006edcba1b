/** From policy files to one policy: form, schema, merge, lint, and the digest P that names the result. */
import type {KeyObject} from 'node:crypto'
import {mask} from '../../bits/index.js'
import {printable, quoted, TsmctlError} from '../../errors.js'
import {nameOfJson, type Sha384} from '../../evidence/index.js'
import {resolveAnchors, type TrustAnchor} from './anchors.js'
import {lintPolicy, type PolicyFinding} from './lint/index.js'
import {parsePolicy} from './parse.js'
import type {PolicyDocument} from './schema.js'
import {isSignatureOf, keyText} from './signature.js'
import {readYaml} from './yaml.js'

export interface PolicyFile {
  readonly name: string
  readonly text: string
  /** Permission bits, when the file comes from a file system. */
  readonly mode?: number | undefined
  /** User id of its owner. */
  readonly owner?: number | null | undefined
  /** Whom it has to belong to. */
  readonly ownedBy?: number | undefined
  /** What `name` is, not following links. */
  readonly type?: 'file' | 'directory' | 'link' | 'other' | undefined
}

export interface NamedBytes {
  readonly name: string
  readonly bytes: Uint8Array
}

/** What else comes with a policy. */
export interface PolicyExtras {
  readonly revocation?: readonly NamedBytes[]
  /** What was wrong with the places the files came from. */
  readonly findings?: readonly PolicyFinding[]
  /** The key that must have signed the policy, and the files that may be its signature. */
  readonly signature?: {readonly key: KeyObject; readonly files: readonly NamedBytes[]; readonly expected: string}
}

type Signature = NonNullable<PolicyExtras['signature']>

/** A policy that was read. It may only be used while `findings` is empty. */
export interface Policy {
  readonly name: string
  /** P = SHA-384 of the canonical JSON of the merged document; null when there is none. */
  readonly digest: Sha384 | null
  readonly document: PolicyDocument
  readonly anchors: ReadonlyMap<string, readonly TrustAnchor[]>
  /** Content of the files the policy names, by the name it gives them. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Certificate revocation lists and OCSP responses that were supplied with the policy. */
  readonly revocation: readonly NamedBytes[]
  readonly findings: readonly PolicyFinding[]
  /** What is worth knowing about a policy that can be used. */
  readonly warnings: readonly PolicyFinding[]
  /** The pinned key that signed it; null where none is pinned, or it did not. */
  readonly signedBy: string | null
}

const EMPTY: PolicyDocument = {tsmctlPolicy: 1, name: 'none', rules: []}
/** Write permission of group and others, POSIX `S_IWGRP | S_IWOTH`. */
const WRITABLE_BY_OTHERS = mask(4, 4) | mask(1, 1)
const isWritableByOthers = (mode: number): boolean => (mode & WRITABLE_BY_OTHERS) !== 0

/** What is wrong with a file or directory as the place of a policy: who else could have written it. */
export const placeProblems = (
  {type = 'file', mode, owner, ownedBy}: Omit<PolicyFile, 'name' | 'text'>,
  wanted = 'file',
) => [
  ...(type === wanted ? [] : [`is ${type === 'other' ? 'something else' : `a ${type}`}, not a ${wanted}`]),
  ...(mode !== undefined && isWritableByOthers(mode) ? ['others may write to it'] : []),
  ...(ownedBy !== undefined && owner !== ownedBy && type !== 'link'
    ? [`it belongs to user ${owner}, not to ${ownedBy === 0 ? 'root' : `user ${ownedBy}`}`]
    : []),
]

function parseFile(file: PolicyFile, findings: PolicyFinding[]): PolicyDocument | undefined {
  const name = printable(file.name, 200)
  const refuse = (id: string, where: string, message: string): void => void findings.push({id, where, message})
  const before = findings.length
  for (const problem of placeProblems(file)) refuse('form', name, problem)
  // what is no file, or anybody's, is not worth reading
  if (findings.length > before) return undefined
  const yaml = readYaml(file.text)
  if (!yaml.ok) {
    for (const {line, message} of yaml.findings) refuse('form', line === undefined ? name : `${name}:${line}`, message)
    return undefined
  }
  const parsed = parsePolicy(yaml.value)
  if (parsed.ok) return parsed.document
  for (const {path, message} of parsed.problems)
    refuse('schema', name, `${path === '' ? 'the document' : path}: ${message}`)
  return undefined
}

type Named = Readonly<Record<string, unknown>>

/** One map of two; a name that both have is a finding, whatever it stands for. */
function union<T extends Named>(a: T | undefined, b: T | undefined, what: string, findings: PolicyFinding[]): T {
  for (const name of Object.keys(b ?? {}))
    if (Object.hasOwn(a ?? {}, name)) findings.push({id: 'L01', where: `${what} ${name}`, message: 'given twice'})
  return {...a, ...b} as T
}

const earlier = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Date.parse(a) < Date.parse(b) ? a : b

function merge(documents: readonly PolicyDocument[], findings: PolicyFinding[]): PolicyDocument {
  const [first, ...rest] = documents
  if (first === undefined) return EMPTY
  return rest.reduce(
    (all, next) => ({
      tsmctlPolicy: 1,
      name: all.name,
      ...optional({notAfter: earlier(all.notAfter, next.notAfter)}),
      approvers: union(all.approvers, next.approvers, 'approver', findings),
      anchors: union(all.anchors, next.anchors, 'anchor set', findings),
      rimSigners: union(all.rimSigners, next.rimSigners, 'RIM signer', findings),
      deny: [...(all.deny ?? []), ...(next.deny ?? [])],
      rules: [...all.rules, ...next.rules],
      waivers: [...(all.waivers ?? []), ...(next.waivers ?? [])],
    }),
    first,
  )
}

/** Without members that are undefined. */
const optional = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T

/**
 * Reads a policy from one or more files, merged in the order of their names. `contents` holds what is in the files that
 * the policy names (certificates of anchors, reference manifests), by the name the policy gives them. Never throws for
 * what is in the files: everything wrong is a finding.
 */
export function loadPolicy(
  files: readonly PolicyFile[],
  contents: ReadonlyMap<string, Uint8Array>,
  now: Date,
  {revocation = [], findings: places = [], signature}: PolicyExtras = {},
): Policy {
  const findings: PolicyFinding[] = [...places]
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
  const documents = sorted.flatMap(file => parseFile(file, findings) ?? [])
  if (files.length === 0) findings.push({id: 'none', where: 'policy', message: 'there is no policy'})
  // half a policy could be a laxer one: nothing of it is used
  const document = findings.length === 0 ? merge(documents, findings) : EMPTY
  const lint = findings.length === 0 ? lintPolicy(document, contents, now) : {findings: [], warnings: []}
  findings.push(...lint.findings)
  const digest = findings.length === 0 ? nameOfJson(document) : null
  if (digest !== null && signature !== undefined) findings.push(...signatureFindings(digest, signature))
  const isUsable = findings.length === 0
  return {
    name: document.name,
    digest: isUsable ? digest : null,
    document,
    anchors: resolveAnchors(document.anchors ?? {}, contents),
    files: contents,
    revocation,
    findings,
    warnings: lint.warnings,
    signedBy: isUsable && signature !== undefined ? keyText(signature.key) : null,
  }
}

function signatureFindings(P: Sha384, {key, files, expected}: Signature): readonly PolicyFinding[] {
  if (files.some(({bytes}) => isSignatureOf(bytes, P, key))) return []
  const message =
    files.length === 0
      ? 'a key for policies is configured, and there is no signature'
      : `it is no signature of this policy by ${keyText(key)}`
  return [{id: 'signature', where: printable(expected, 200), message}]
}

/** Names of the files a policy text refers to, for whoever reads them. Empty for an unreadable policy. */
export function filesOf(files: readonly PolicyFile[]): readonly string[] {
  const documents = files.flatMap(file => parseFile(file, []) ?? [])
  const anchors = documents.flatMap(({anchors: a, rimSigners: b}) => [a, b].flatMap(sets => Object.values(sets ?? {})))
  const manifests = documents.flatMap(({rules}) => rules.flatMap(({measurements}) => measurements?.rim ?? []))
  return [...new Set([...anchors.flat(), ...manifests].flatMap(({file}) => file ?? []))]
}

/** One line per finding. */
export const findingLine = ({id, where, message}: PolicyFinding): string => `${where}: ${message} [${id}]`

/** Throws TsmctlError of kind `policy` unless the policy may be used. */
export function requireUsable(policy: Policy): void {
  const [first, ...others] = policy.findings
  if (first === undefined) return
  throw new TsmctlError({
    kind: 'policy',
    attempted: `use policy ${quoted(policy.name)}`,
    got: `${findingLine(first)}${others.length === 0 ? '' : `, and ${others.length} more`}`,
    details: {findings: policy.findings},
    hint: 'Correct the policy file; nothing is accepted until then.',
  })
}
