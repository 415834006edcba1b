/** Evidence of our own capture: SPDM 1.2 over DOE, each response padded to whole words. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {
  digestOf,
  parseCertificateChain,
  parseMeasurements,
  parseVcaPrefix,
  pathProblems,
  verifySignature,
} from '../../src/spdm/index.js'
import {bytesOf, certificateFacts, flipped, hasData, recordsOf} from './support.js'

const has = hasData('sysfs/evidence/transcript.bin')

/** The six negotiation messages without DOE padding, and the last exchange. */
function evidence() {
  const records = recordsOf(bytesOf('sysfs/evidence/transcript.bin'))
  const vca = parseVcaPrefix(concat(...records.slice(0, 6)))
  const request = records.findLast(record => record[1] === 0xe0)!
  const padded = bytesOf('sysfs/evidence/measurements.bin')
  return {vca, request, padded, series: concat(request, padded)}
}

describe.skipIf(!has)('captured evidence (shared test data)', () => {
  it('the measurement signature verifies over negotiation and exchange, and padding is reported', () => {
    const {vca, request, padded, series} = evidence()
    expect(vca).toMatchObject({version: 0x12, hash: {name: 'sha384'}, asym: {name: 'ecdsa-p384'}})
    const facts = parseMeasurements(series, {asym: vca.asym!, measurementHash: vca.measurementHash, vca})
    const last = facts.exchanges.at(-1)!.response
    expect(facts.trailing).toEqual({offset: last.offset + last.length, length: padded.length - last.length})
    expect(facts).toMatchObject({complete: true, problems: [], coversVca: true})
    expect(facts.signed?.request.length).toBe(request.length)
    const chain = parseCertificateChain(bytesOf('sysfs/evidence/certs.bin'), vca.hash!.size)
    const certificates = chain.certificates.map(({der}) => certificateFacts(der))
    expect(chain.rootHash).toEqual(digestOf(vca.hash!, chain.certificates[0]!.der))
    expect(pathProblems(certificates).filter(({kind}) => kind === 'signature' || kind === 'issuer-name')).toEqual([])
    const verify = (transcript: Uint8Array, signature: Uint8Array) =>
      verifySignature(
        {
          version: facts.version,
          context: 'responder-measurements signing',
          hash: vca.hash!,
          asym: vca.asym!,
          transcript,
        },
        certificates.at(-1)!.spki,
        signature,
      ).status
    expect(verify(facts.transcript!, facts.signature!)).toBe('valid')
    for (let bit = 0; bit < facts.transcript!.length * 8; bit += 41)
      expect(verify(flipped(facts.transcript!, bit), facts.signature!), `bit ${bit}`).toBe('invalid')
    for (let bit = 0; bit < facts.signature!.length * 8; bit += 5)
      expect(verify(facts.transcript!, flipped(facts.signature!, bit)), `signature bit ${bit}`).toBe('invalid')
  })
})
