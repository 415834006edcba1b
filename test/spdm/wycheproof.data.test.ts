/** Corner cases of signature primitives, through the same door as SPDM signatures. */
import {describe, expect, it} from 'vitest'
import {fromHex} from '../../src/bits/index.js'
import {asymNamed, hashNamed, verifySignature} from '../../src/spdm/index.js'
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

describe.each([
  ['ecdsa_secp384r1_sha384_p1363_test.json', 'ecdsa-p384'],
  ['rsa_signature_3072_sha384_test.json', 'rsassa-3072'],
])('%s (shared test data)', (file, name) => {
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
          hash: hashNamed('sha384')!,
          asym: asymNamed(name)!,
          transcript: fromHex(msg),
        } as const
        const isValid = verifySignature(question, fromHex(publicKeyDer!), fromHex(sig)).status === 'valid'
        if (result !== 'acceptable' && isValid !== (result === 'valid')) wrong.push(tcId)
        count++
      }
    expect(wrong).toEqual([])
    expect(count).toBeGreaterThan(200)
  })
})
