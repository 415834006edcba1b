/** Where policies lie: files and directories that were named, or the ones of this machine, and what belongs to them. */
import type {KeyObject} from 'node:crypto'
import {
  filesOf,
  isOutside,
  type NamedBytes,
  placeProblems,
  type PolicyExtras,
  type PolicyFile,
  type PolicyFinding,
  policyKeyOf,
} from '../../appraisal/index.js'
import {printable, printablePath, TsmctlError} from '../../errors.js'
import {listUserDirectory, readGuardedFile, readUserDirectory, readUserFile, statUserFile} from '../../kernel/index.js'

/** The policy of a machine, where nobody names another one. */
export interface SystemPolicy {
  readonly directory: string
  readonly key: string
  /** User id that has to own the files. */
  readonly owner: number
}

export const SYSTEM_POLICY: SystemPolicy = {
  directory: '/etc/tsmctl/policy.d',
  key: '/etc/tsmctl/policy.pub',
  owner: 0,
}

export interface PolicySources {
  /** Directory with revocation lists and OCSP responses, besides those beside the policy. */
  readonly revocation?: string | undefined
  /** File with the public key that must have signed the policy. */
  readonly 'policy-key'?: string | undefined
  /** Places of the machine that is decided about; undefined where they are another machine's. */
  readonly system?: SystemPolicy | undefined
}

const POLICY_LIMIT = 1024 * 1024
const MOST_FILES = 64
const MOST_LISTS = 256
const KEY_LIMIT = 4096
const REVOCATION = 'revocation'

export const directoryOf = (path: string): string =>
  path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''

const isDirectory = (path: string): boolean => statUserFile(path)?.type === 'directory'
const isThere = (path: string): boolean => statUserFile(path) !== undefined

function readPolicyFile(path: string, ownedBy: number | undefined): PolicyFile {
  const {bytes, type, mode, owner} = readGuardedFile(path, POLICY_LIMIT)
  return {name: path, text: Buffer.from(bytes).toString('utf8'), type, mode, owner, ownedBy}
}

const POLICY = '.yaml'
/** What somebody meant as a policy: passed over in silence, what it denies would be accepted. */
const LIKE_A_POLICY = /\.ya?ml\s*$/i

/** Paths of the policies in a directory. Whoever can put one there decides. */
function policiesIn(directory: string, ownedBy: number | undefined, findings: PolicyFinding[]): readonly string[] {
  const {type, mode, owner} = readGuardedFile(directory, 0)
  for (const message of placeProblems({type, mode, owner, ownedBy}, 'directory'))
    findings.push({id: 'form', where: printable(directory, 200), message})
  const all = listUserDirectory(directory)
  for (const name of all.filter(item => LIKE_A_POLICY.test(item) && !item.endsWith(POLICY)))
    findings.push({
      id: 'form',
      where: printable(`${directory.replace(/\/+$/, '')}/${name}`, 200),
      message: `is not read: a policy is called *${POLICY}`,
    })
  const names = all.filter(name => name.endsWith(POLICY))
  if (names.length > MOST_FILES)
    findings.push({id: 'form', where: printable(directory, 200), message: `more than ${MOST_FILES} policies`})
  return names.slice(0, MOST_FILES).map(name => `${directory.replace(/\/+$/, '')}/${name}`)
}

/** What the policies name, by the name they give it. What is not there is left to lint. */
function namedFiles(files: readonly PolicyFile[], findings: PolicyFinding[]): ReadonlyMap<string, Uint8Array> {
  const contents = new Map<string, Uint8Array>()
  for (const file of files)
    for (const name of filesOf([file])) {
      const path = directoryOf(file.name) + name
      if (isOutside(name) || !isThere(path)) continue
      const bytes = readUserFile(path)
      const other = contents.get(name)
      if (other !== undefined && !Buffer.from(other).equals(bytes))
        findings.push({id: 'form', where: printable(path, 200), message: 'another policy names another file like this'})
      contents.set(name, bytes)
    }
  return contents
}

function readRevocation(directories: readonly string[], given: string | undefined): readonly NamedBytes[] {
  const beside = [...new Set(directories.map(directory => directory + REVOCATION))].filter(isThere)
  return [...beside, ...(given === undefined ? [] : [given])].flatMap(path =>
    [...readUserDirectory(path, MOST_LISTS)].map(([name, bytes]) => ({name: `${path}/${name}`, bytes})),
  )
}

/** The key that policies must be signed by; undefined where none is configured. */
export function pinnedKey({'policy-key': given, system}: PolicySources): KeyObject | undefined {
  const path = given || (system !== undefined && isThere(system.key) ? system.key : undefined)
  if (path === undefined) return undefined
  const isSystem = path === system?.key
  const {bytes, type, mode, owner} = readGuardedFile(path, KEY_LIMIT)
  const [problem] = placeProblems({type, mode, owner, ownedBy: isSystem ? system.owner : undefined})
  const key = problem === undefined ? policyKeyOf(bytes) : undefined
  if (key !== undefined) return key
  throw new TsmctlError({
    kind: 'policy',
    attempted: `use ${printablePath(path)} as the key of policies`,
    path,
    got: problem ?? 'it is no Ed25519 public key',
    hint: 'A key is PEM, as openssl pkey -pubout writes it, or ed25519: and 64 hexadecimal digits.',
  })
}

function signatureOf(places: readonly string[], sources: PolicySources): PolicyExtras['signature'] {
  const key = pinnedKey(sources)
  if (key === undefined) return undefined
  const files = places.filter(isThere).map(name => ({name, bytes: readGuardedFile(name, KEY_LIMIT).bytes}))
  return {key, files, expected: places[0] ?? 'policy'}
}

export interface PolicyInput {
  readonly files: readonly PolicyFile[]
  readonly contents: ReadonlyMap<string, Uint8Array>
  readonly extras: PolicyExtras
}

/**
 * Everything that makes a policy: the files and directories `paths`, or without any those of the machine. Throws
 * TsmctlError for what cannot be read.
 */
export function policyInput(paths: readonly string[], sources: PolicySources): PolicyInput {
  const {system, revocation} = sources
  const isSystem = paths.length === 0 && system !== undefined && isThere(system.directory)
  const ownedBy = isSystem ? system.owner : undefined
  const findings: PolicyFinding[] = []
  const given = isSystem ? [system.directory] : paths
  const found = given.map(path => (isDirectory(path) ? policiesIn(path, ownedBy, findings) : [path]))
  const files = found.flat().map(path => readPolicyFile(path, ownedBy))
  const signature = signatureOf(given.map(signaturePath), sources)
  return {
    files,
    contents: namedFiles(files, findings),
    extras: {
      findings,
      revocation: readRevocation(
        files.map(({name}) => directoryOf(name)),
        revocation,
      ),
      ...(signature && {signature}),
    },
  }
}

/** Where the signature of a policy lies: beside the file, or in the directory. */
export const signaturePath = (path: string): string =>
  isDirectory(path) ? `${path.replace(/\/+$/, '')}/policy.sig` : `${path}.sig`
