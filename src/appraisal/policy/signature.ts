/**
 * Signatures of policies: Ed25519 (RFC 8032) over a fixed prefix, a zero and the 48 bytes of P. Who has the key decides
 * what is accepted on the machines that pin it, whoever can write to their disks.
 */
import {createPrivateKey, createPublicKey, type KeyObject, sign, verify} from 'node:crypto'
import {concat, toHex} from '../../bits/index.js'
import type {Sha384} from '../../evidence/index.js'

const PREFIX = new TextEncoder().encode('tsmctl-policy-v1\0')
const KEY_TEXT = /^ed25519:([0-9a-f]{64})\s*$/
const SIGNATURE_TEXT = /^ed25519:([0-9a-f]{128})\s*$/

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

const signedBytes = (P: Sha384): Uint8Array => concat(PREFIX, Buffer.from(P.slice('sha384:'.length), 'hex'))

/** An Ed25519 public key, as PEM or as `ed25519:` and 64 hexadecimal digits; undefined for anything else. */
export function policyKeyOf(bytes: Uint8Array): KeyObject | undefined {
  const text = latin1(bytes)
  const digits = KEY_TEXT.exec(text)?.[1]
  try {
    const key =
      digits === undefined
        ? createPublicKey(text)
        : createPublicKey({
            key: {kty: 'OKP', crv: 'Ed25519', x: Buffer.from(digits, 'hex').toString('base64url')},
            format: 'jwk',
          })
    // from a private key a public one can be made: who keeps it here has misunderstood something
    return key.asymmetricKeyType === 'ed25519' && !text.includes('PRIVATE KEY') ? key : undefined
  } catch {
    return undefined
  }
}

/** An Ed25519 private key as PEM; undefined for anything else. */
export function signingKeyOf(bytes: Uint8Array): KeyObject | undefined {
  try {
    const key = createPrivateKey(latin1(bytes))
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

/** `ed25519:` and the 32 bytes of a public key, or of the one that goes with a private key. */
export function keyText(key: KeyObject): string {
  const {x = ''} = key.export({format: 'jwk'})
  return `ed25519:${toHex(new Uint8Array(Buffer.from(x, 'base64url')))}`
}

/** Content of the signature file of the policy with digest `P`. */
export const policySignature = (P: Sha384, key: KeyObject): string =>
  `ed25519:${toHex(new Uint8Array(sign(null, signedBytes(P), key)))}\n`

/** Is `content` a signature of the policy with digest `P` by `key`? */
export function isSignatureOf(content: Uint8Array, P: Sha384, key: KeyObject): boolean {
  const digits = SIGNATURE_TEXT.exec(latin1(content))?.[1]
  return digits !== undefined && verify(null, signedBytes(P), key, Buffer.from(digits, 'hex'))
}
