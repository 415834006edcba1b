/** Public keys of the platform. */
import {createPublicKey, type KeyObject} from 'node:crypto'

/** Keys read lately, by their bytes: one key is asked many times, and reading it can take longer than verifying. */
const RECENT = 16
const recent = new Map<string, KeyObject>()

/** The public key of an SPKI in DER, or undefined when the platform cannot read it. */
export function publicKeyOf(spki: Uint8Array): KeyObject | undefined {
  const der = Buffer.from(spki)
  const name = der.toString('latin1')
  const known = recent.get(name)
  if (known !== undefined) return known
  let key: KeyObject
  try {
    key = createPublicKey({key: der, format: 'der', type: 'spki'})
  } catch {
    return undefined
  }
  const [oldest] = recent.keys()
  if (recent.size >= RECENT) recent.delete(oldest!)
  recent.set(name, key)
  return key
}
