/** A verdict for others: the EAR of an appraisal in a file, signed with a key of this machine or not. */
import type {KeyObject} from 'node:crypto'
import {
  type Appraisal,
  EAR_PROFILE,
  type Ear,
  earOf,
  type EarOptions,
  signingKey,
  signJws,
  verificationKey,
  verifyJws,
} from '../appraisal/index.js'
import {printable, TsmctlError} from '../errors.js'
import {jcsBytes, sha384} from '../evidence/index.js'
import {readSecretFile, readUserFile, writeUserFile} from '../kernel/index.js'
import {VERIFIER} from './verifier.js'

/** Where the verdict goes, and the key that signs it. */
export interface VerdictFile {
  readonly path: string
  readonly key: KeyObject | undefined
  readonly force: boolean
}

/** A private key in PEM that nobody else can read. Throws TsmctlError `not-permitted`, `usage`. */
export const readSigningKey = (path: string): KeyObject => signingKey(readSecretFile(path))

/** The EAR of an appraisal, by this tool. */
export const verdictOf = (appraisal: Appraisal, options: EarOptions = {}): Ear => earOf(appraisal, VERIFIER, options)

/** SHA-384 of the EAR in canonical JSON (RFC 8785): what a register is extended by. */
export const verdictDigest = (appraisal: Appraisal): Uint8Array => sha384(jcsBytes(verdictOf(appraisal)))

/** Writes the EAR: as compact JWS where there is a key, else as JSON in printable ASCII. */
export function writeVerdict(ear: Ear, {path, key, force}: VerdictFile): void {
  const text =
    key === undefined
      ? JSON.stringify(ear, undefined, 2).replaceAll(
          /[^\x20-\x7e\n]/g,
          char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
      : signJws(ear, key)
  writeUserFile(path, new TextEncoder().encode(`${text}\n`), {force})
}

export interface CheckedVerdict {
  readonly file: string
  /** The claims set, as it was signed. */
  readonly ear: Ear
  /** What it says about each device. */
  readonly devices: readonly {
    readonly name: string
    readonly status: string
    readonly vector: Readonly<Record<string, number>>
    readonly policy: string
    readonly evidence: string
  }[]
  /** RFC 3339. */
  readonly issuedAt: string
  readonly verifier: string
}

const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined
const text = (value: unknown): string => (typeof value === 'string' ? printable(value, 200) : '?')

const LATEST = 253_402_300_799

function issued(ear: unknown): string {
  const iat = member(ear, 'iat')
  if (typeof iat !== 'number' || !Number.isInteger(iat) || iat < 0 || iat > LATEST)
    throw noEar('it has no time of issue')
  return new Date(iat * 1000).toISOString()
}

const noEar = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the signed verdict', got})

const vectorOf = (value: unknown): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(typeof value === 'object' && value !== null ? value : {}).flatMap(([claim, number]) =>
      typeof number === 'number' ? [[printable(claim), number]] : [],
    ),
  )

/**
 * What a signed verdict says, once its signature by `keyPath` was verified. Throws TsmctlError `malformed` for what is no
 * signed EAR, `denied` for one that the key did not sign.
 */
export function checkVerdict(file: string, keyPath: string): CheckedVerdict {
  const key = verificationKey(readUserFile(keyPath))
  const ear = verifyJws(Buffer.from(readUserFile(file)).toString('latin1'), key)
  if (member(ear, 'eat_profile') !== EAR_PROFILE) throw noEar('it is signed, but no EAR')
  const submods = member(ear, 'submods')
  if (typeof submods !== 'object' || submods === null) throw noEar('it says nothing about any device')
  const verifier = member(ear, 'ear.verifier-id')
  return {
    file,
    ear: ear as Ear,
    devices: Object.entries(submods).map(([name, claims]) => ({
      name: printable(name, 200),
      status: text(member(claims, 'ear.status')),
      vector: vectorOf(member(claims, 'ear.trustworthiness-vector')),
      policy: text(member(claims, 'ear.appraisal-policy-id')),
      evidence: text(member(claims, 'tsmctl.evidence-digest')),
    })),
    issuedAt: issued(ear),
    verifier: `${text(member(verifier, 'developer'))} ${text(member(verifier, 'build'))}`,
  }
}

/** One block per device. */
export const checkedText = ({devices, issuedAt, verifier}: CheckedVerdict): string =>
  [
    `signature holds; by ${verifier}, ${issuedAt}`,
    ...devices.flatMap(({name, status, vector, policy, evidence}) => [
      `${name}: ${status}`,
      `  policy    ${policy}`,
      `  evidence  ${evidence}`,
      ...Object.entries(vector).map(([claim, value]) => `  ${claim.padEnd(18)} ${value}`),
    ]),
  ]
    .map(line => `${line}\n`)
    .join('')
