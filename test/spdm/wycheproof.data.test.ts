/** Corner cases of signature primitives, through the same door as SPDM signatures. */
import {describe, expect, it} from 'vitest'
import {fromHex} from '../../src/bits/index.js'
import {asymNamed, hashNamed, verifySignature} from '../../src/spdm/index.js'
import {childrenOf, contentOf, expectTag, readWhole, TAG} from '../../src/spdm/certificates/der.js'
import {hasData, textOf} from './support.js'

interface Group {
  readonly publicKeyDer?: string
  readonly tests: readonly {
    readonly tcId: number
    readonly msg: string
    readonly sig: string
    readonly result: 'valid' | 'invalid' | 'acceptable'
  }[]
}

/** Both numbers of an ECDSA signature in DER, in 32 bytes each; undefined where one has no such form. */
function fixedWidth(der: Uint8Array): Uint8Array | undefined {
  try {
    const numbers = childrenOf(expectTag(readWhole(der, 'signature'), TAG.SEQUENCE, 'signature'), 'signature')
    const out = new Uint8Array(64)
    if (numbers.length !== 2) return undefined
    for (const [i, number] of numbers.entries()) {
      const content = contentOf(expectTag(number, TAG.INTEGER, 'signature'))
      const value = content[0] === 0 && content[1]! >= 0x80 ? content.subarray(1) : content
      const isNegative = value === content && content[0]! >= 0x80
      const isPadded = value === content && content.length > 1 && content[0] === 0
      if (isNegative || isPadded || value.length > 32) return undefined
      out.set(value, 32 * (i + 1) - value.length)
    }
    return out
  } catch {
    return undefined
  }
}

const asItIs = (signature: Uint8Array): Uint8Array | undefined => signature

describe.each([
  ['ecdsa_secp256r1_sha256_test.json', 'ecdsa-p256', 'sha256', fixedWidth],
  ['ecdsa_secp384r1_sha384_p1363_test.json', 'ecdsa-p384', 'sha384', asItIs],
  ['rsa_signature_3072_sha384_test.json', 'rsassa-3072', 'sha384', asItIs],
] as const)('%s (shared test data)', (file, name, hash, form) => {
  it.skipIf(!hasData(`wycheproof/${file}`))('every verdict', () => {
    const {testGroups} = JSON.parse(textOf(`wycheproof/${file}`)) as {testGroups: Group[]}
    let count = 0
    const wrong: number[] = []
    for (const {publicKeyDer, tests} of testGroups)
      for (const {tcId, msg, sig, result} of tests) {
        // up to 1.1 the transcript itself is what the primitive signs
        const question = {
          version: 0x11,
          context: 'responder-measurements signing',
          hash: hashNamed(hash)!,
          asym: asymNamed(name)!,
          transcript: fromHex(msg),
        } as const
        const signature = form(fromHex(sig))
        const isValid =
          signature !== undefined && verifySignature(question, fromHex(publicKeyDer!), signature).status === 'valid'
        if (result !== 'acceptable' && isValid !== (result === 'valid')) wrong.push(tcId)
        count++
      }
    expect(wrong).toEqual([])
    expect(count).toBeGreaterThan(200)
  })
})
