/**
 * Approvals that are signed elsewhere: an approver reviews a bundle on a machine of their own and signs which evidence,
 * policy, device and rule they mean, until when, and why (Ed25519, RFC 8032, over canonical JSON, RFC 8785).
 */
import {createPublicKey, type KeyObject, sign, verify} from 'node:crypto'
import * as v from 'valibot'
import {concat, fromHex, toHex} from '../bits/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {issueText, jcsBytes, strictJson} from '../evidence/index.js'
import type {Policy} from './policy/index.js'

const digest = v.pipe(v.string(), v.regex(/^sha384:[0-9a-f]{96}$/))

const FORM = v.strictObject({
  approval: v.strictObject({
    D: digest,
    P: digest,
    bdf: v.pipe(v.string(), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/)),
    rule: v.pipe(v.string(), v.maxLength(64)),
    notAfter: v.pipe(v.string(), v.isoTimestamp()),
    reason: v.nullable(v.pipe(v.string(), v.maxLength(1024))),
  }),
  key: v.pipe(v.string(), v.regex(/^ed25519:[0-9a-f]{64}$/)),
  signature: v.pipe(v.string(), v.regex(/^[0-9a-f]{128}$/)),
})

export type SignedApproval = v.InferOutput<typeof FORM>
export type ApprovalClaims = SignedApproval['approval']

/** Larger files hold no approval. */
export const APPROVAL_LIMIT = 16 * 1024

/** Bytes before the key itself in the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410). */
const SPKI_PREFIX = fromHex('302a300506032b6570032100')
const DOMAIN = new TextEncoder().encode('tsmctl-approve-v1\0')

const signedBytes = (approval: ApprovalClaims): Uint8Array => concat(DOMAIN, jcsBytes(approval))

/** `ed25519:…` as policies name a key; undefined for a key of another kind. */
export function approverKey(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({format: 'der', type: 'spki'})
  return `ed25519:${toHex(spki.subarray(SPKI_PREFIX.length))}`
}

/** `key` must be an Ed25519 private key. */
export function signApproval(approval: ApprovalClaims, key: KeyObject): SignedApproval {
  const name = approverKey(key)
  if (name === undefined) throw new TypeError('no Ed25519 key')
  return {approval, key: name, signature: toHex(new Uint8Array(sign(null, signedBytes(approval), key)))}
}

function signatureHolds({approval, key, signature}: SignedApproval): boolean {
  const spki = Buffer.from(concat(SPKI_PREFIX, fromHex(key.slice('ed25519:'.length))))
  try {
    const publicKey = createPublicKey({key: spki, format: 'der', type: 'spki'})
    return verify(null, signedBytes(approval), publicKey, fromHex(signature))
  } catch {
    // no point of the curve
    return false
  }
}

const refuse = (got: string): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: 'read a signed approval',
    got,
    hint: 'tsmctl approve writes the file.',
  })

/** The file of a signed approval. Throws TsmctlError `malformed` for anything else. */
export function decodeApproval(bytes: Uint8Array): SignedApproval {
  if (bytes.length > APPROVAL_LIMIT) throw refuse(`it is larger than ${APPROVAL_LIMIT} bytes`)
  let json: unknown
  try {
    json = strictJson(bytes, 'approval')
  } catch (error) {
    throw error instanceof TsmctlError ? refuse(error.got ?? error.message) : error
  }
  const parsed = v.safeParse(FORM, json)
  if (parsed.success) return parsed.output
  const {path, message} = issueText(parsed.issues)
  throw refuse(`${path === '' ? '' : `${path}: `}${message}`)
}

/** What an approval must be for. */
export interface Wanted {
  readonly D: string
  readonly P: string | null
  readonly bdf: string | null
  readonly rule: string | null
  readonly now: Date
  /** Name of each approver of the policy and their key. */
  readonly approvers: Policy['document']['approvers']
}

/** How long an approval is good for, and how far the clocks of two machines may be apart. */
export const WINDOW_SECONDS = 600
const SKEW_SECONDS = 60

export interface ApprovalProblem {
  readonly code: 'signature' | 'unknown-key' | 'other' | 'old' | 'window'
  readonly message: string
}

/** Name of the approver whose key signed it, or what is wrong with it. */
export function judgeApproval(signed: SignedApproval, wanted: Wanted): string | ApprovalProblem {
  const {approval, key} = signed
  const [name] = Object.entries(wanted.approvers ?? {}).find(([, approver]) => approver.key === key) ?? []
  if (name === undefined) return {code: 'unknown-key', message: `key ${key.slice(0, 20)} is no approver's`}
  const of = `by ${quoted(name)}`
  if (!signatureHolds(signed)) return {code: 'signature', message: `${of}: the signature does not hold`}
  const members = ['D', 'P', 'bdf', 'rule'] as const
  const other = members.find(member => approval[member] !== wanted[member])
  if (other !== undefined) return {code: 'other', message: `${of}: it is for another ${MEANT[other]}`}
  const left = (Date.parse(approval.notAfter) - wanted.now.getTime()) / 1000
  if (!(left >= 0)) return {code: 'old', message: `${of}: it was good until ${approval.notAfter}`}
  if (left > WINDOW_SECONDS + SKEW_SECONDS)
    return {code: 'window', message: `${of}: it is good for longer than ${WINDOW_SECONDS / 60} minutes`}
  return name
}

const MEANT = {D: 'piece of evidence', P: 'policy', bdf: 'device', rule: 'rule'} as const
