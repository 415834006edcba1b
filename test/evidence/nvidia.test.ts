/** Evidence in NVIDIA's forms: what SPDM carried comes out byte for byte, and whatever is not the form is refused. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {isNvidia, nvidiaItems} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'

const TRANSCRIPT = Uint8Array.from({length: 50}, (_, i) => i)
const PEM = '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n'
const NONCE = '04'.repeat(32)
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes as string).toString('base64')
const url = (bytes: Uint8Array | string): string => Buffer.from(bytes as string).toString('base64url')

type Json = Readonly<Record<string, unknown>>
const entry = (more: Json = {}): Json => ({
  arch: 'HOPPER',
  evidence: base64(TRANSCRIPT),
  certificate: base64(PEM),
  nonce: NONCE,
  driver_version: '590.12',
  version: '1.0',
  ...more,
})
const INPUT = 'tag:nvidia.com,2026:verifier-input/profiles/base/pre-1.0.0'
const ITEM = 'tag:nvidia.com,2026:evidence-item/v1'
const item = (more: Json = {}): Json => ({
  __cmwc_t: ITEM,
  evidence: ['application/vnd.nvidia.spdm-measurement-transcript', url(TRANSCRIPT)],
  certificate: ['application/vnd.nvidia.pem-cert-chain', url(base64(PEM))],
  nonce: ['application/octet-stream', url(Buffer.from(NONCE, 'hex'))],
  ...more,
})
const collection = (more: Json = {gpu_0: item()}): Json => ({
  __cmwc_t: INPUT,
  nonce: ['application/octet-stream', url(Buffer.from(NONCE, 'hex'))],
  ...more,
})

describe('evidence of NVIDIA', () => {
  it.each<[string, unknown, string]>([
    ['a list', [entry()], '1 (HOPPER)'],
    ['an answer of the tool', {evidences: [entry()], result_code: 0, result_message: 'Ok'}, '1 (HOPPER)'],
    ['a collection', collection(), 'gpu_0'],
    ['one item of a collection', item(), 'item'],
    ['an item whose certificates are PEM themselves', item({certificate: ['t', url(PEM)]}), 'item'],
  ])('is read of %s', (_, json, name) => {
    expect(isNvidia(json)).toBe(true)
    expect(nvidiaItems(json)).toMatchObject([{name, transcript: TRANSCRIPT, certificates: PEM, statedNonce: NONCE}])
  })

  it('is read of several devices, in order', () => {
    expect(nvidiaItems([entry(), entry({arch: 'LS10', nonce: `0x${'AB'.repeat(32)}`})])).toMatchObject([
      {name: '1 (HOPPER)'},
      {name: '2 (LS10)', statedNonce: 'ab'.repeat(32)},
    ])
    expect(nvidiaItems(collection({gpu_0: item(), nvswitch_1: item()})).map(({name}) => name)).toEqual([
      'gpu_0',
      'nvswitch_1',
    ])
  })

  it('needs no nonce', () => {
    expect(nvidiaItems([entry({nonce: undefined})])[0]!.statedNonce).toBeUndefined()
    expect(nvidiaItems(item({nonce: undefined}))[0]!.statedNonce).toBeUndefined()
  })

  it('is not told from text that could drive a terminal', () =>
    expect(nvidiaItems([entry({arch: '\u001b[2J'})])[0]!.name).toBe('1 (\\x1b[2J)'))

  it.each<[string, unknown, RegExp]>([
    ['an empty list', [], /no evidence of any device/],
    ['a collection of nonces', collection({}), /no evidence of any device/],
    ['257 devices', Array.from({length: 257}, () => entry()), /257 devices/],
    ['an entry that is text', ['x'], /entry 1/],
    ['an entry without evidence', [entry(), entry({evidence: undefined})], /entry 2: evidence: is missing/],
    ['padding that is missing', [entry({evidence: 'AQI'})], /entry 1, evidence is not strict base64/],
    ['bits that do not count', [entry({evidence: 'AQJ='})], /entry 1, evidence is not strict base64/],
    ['base64url', [entry({evidence: '-_-_'})], /entry 1, evidence is not strict base64/],
    ['a short nonce', [entry({nonce: 'ab'})], /entry 1: nonce: not 32 bytes/],
    ['an item of another type', collection({gpu_0: item({__cmwc_t: 'tag:x'})}), /item "gpu_0" is of an unknown type/],
    ['an item without certificates', collection({gpu_0: item({certificate: undefined})}), /no record "certificate"/],
    ['an item without evidence', collection({gpu_0: item({evidence: undefined})}), /"gpu_0\.evidence" is not a triple/],
    ['padded base64url', collection({gpu_0: item({nonce: ['t', 'AQI=']})}), /not strict base64url/],
    [
      'certificates of neither form',
      item({certificate: ['t', url('hello')]}),
      /item\.certificate is not strict base64/,
    ],
    ['more bytes than an object has', [entry({evidence: 'A'.repeat(22_369_640)})], /the limit is 16777216/],
  ])('is refused: %s', (_, json, why) => {
    expect(() => nvidiaItems(json)).toThrow(why)
    expect(() => nvidiaItems(json)).toThrow(expect.objectContaining({kind: 'malformed'}))
  })

  it('of any JSON is read or refused with an explanation', () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(fc.jsonValue(), {maxLength: 3}),
          fc.jsonValue().map(evidence => [entry({evidence})]),
          fc.jsonValue().map(value => collection({gpu_0: value})),
          fc.jsonValue().map(value => collection({gpu_0: item({certificate: value})})),
          fc.string().map(text => [entry({certificate: text})]),
        ),
        json => {
          expect(isNvidia(json)).toBe(true)
          try {
            for (const {transcript} of nvidiaItems(json)) expect(transcript).toBeInstanceOf(Uint8Array)
          } catch (error) {
            expect(error).toBeInstanceOf(TsmctlError)
          }
        },
      ),
      {numRuns: 150},
    ))
})
