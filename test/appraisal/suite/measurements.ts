/** The measurements (N045 to N065). */
import {sign} from 'node:crypto'
import {concat, toHex} from '../../../src/bits/index.js'
import {GET_MEASUREMENTS, MEASUREMENTS} from '../../../src/spdm/index.js'
import {ALIAS_BLOCKS, aliasRuleWith, G2, withAliasBlock} from '../bases/g2.js'
import {
  type Block,
  BLOCKS,
  encodeBlock,
  IDENTITY,
  KEYS,
  mode,
  privateKey,
  referenceTo,
  ruleWith,
  sha384,
  transcript,
  valuesWith,
  withBlock,
  DOCUMENT,
} from '../forge.js'
import {ROWS as REFERENCE_ROWS} from './references.js'
import {VCA, put, flip, zero48, row, rowsOn, alsoSeenBy, besides, type Row} from './row.js'

/** An exchange that nobody signs, in front of the signed one. */
const exchangeOf = (operation: number, blocks: readonly Block[], total = 0): Uint8Array =>
  concat(
    GET_MEASUREMENTS.encode({spdmVersion: 0x12, measurementOperation: operation}),
    MEASUREMENTS.encode({
      spdmVersion: 0x12,
      totalNumberOfMeasurements: total,
      measurementRecord: blocks.map(encodeBlock),
      nonce: new Uint8Array(32).fill(8),
      opaqueData: new Uint8Array(),
    }),
  )
const LAST = BLOCKS.at(-1)!

/** Signed as since SPDM 1.2 (DSP0274 §15), but for the version in the prefix. */
const prefixedWith = (version: string) => async () => {
  const key = await privateKey(KEYS.leaf)
  const prefix = `${version.repeat(4)}${'\0'.repeat(6)}responder-measurements signing`
  return {
    transcript: {
      after(bytes: Uint8Array) {
        const unsigned = bytes.slice(0, -96)
        const message = concat(new TextEncoder().encode(prefix), sha384(concat(VCA, unsigned)))
        return concat(unsigned, sign('sha384', message, {key, dsaEncoding: 'ieee-p1363'}))
      },
    },
  }
}

/** G2 in a mode that its policy shows and does not compare. */
const inMode = (name: string, check: string, value: Uint8Array): Row =>
  row(name, check, {transcript: {blocks: withAliasBlock(254, {value})}}, SHOWN_MODE)
const SHOWN_MODE = aliasRuleWith({
  measurements: {
    source: 'inline',
    values: ALIAS_BLOCKS.map(block => ({
      ...referenceTo(block),
      ...(block.index === 254 && {raw: undefined, informational: true}),
    })),
  },
})

export const ROWS: readonly Row[] = [
  row('N045 a byte behind the signature', 'spdm.meas.framing', {
    transcript: {after: bytes => concat(bytes, Uint8Array.of(0))},
  }),
  row('N046 a record longer than the message', 'spdm.meas.framing', {
    transcript: {before: bytes => put(bytes, 37 + 7, 0xff)},
  }),
  row('N046 a message of another version', 'spdm.meas.framing', {transcript: {before: bytes => put(bytes, 37, 0x13)}}),
  row('N046 a block too few', 'spdm.meas.framing', {
    transcript: {before: bytes => put(bytes, 37 + 4, BLOCKS.length + 1)},
  }),
  row('N046 a second series', 'spdm.meas.framing', async () => ({
    measurements: concat(await transcript(VCA), await transcript(VCA)),
  })),
  besides(
    row(
      'N047 only one block asked for',
      'spdm.meas.request',
      {transcript: {request: {measurementOperation: 1}, blocks: BLOCKS.slice(0, 1)}},
      ruleWith({measurements: {source: 'inline', values: [valuesWith(1, {})[0]]}}),
    ),
    'spdm.meas.coverage',
    'spdm.meas.debug',
    'spdm.meas.device-mode',
  ),
  alsoSeenBy(
    row('N047 a request that asks for no signature', 'spdm.meas.request', {
      measurements: exchangeOf(0xff, BLOCKS),
    }),
    'spdm.meas.signature',
  ),
  row('N047 one block fewer than there are', 'spdm.meas.request', {
    transcript: {
      before: bytes =>
        concat(
          exchangeOf(0, [], BLOCKS.length + 1),
          ...BLOCKS.slice(0, -1).map(block => exchangeOf(block.index, [block])),
          bytes,
        ),
      request: {measurementOperation: LAST.index},
      blocks: [LAST],
    },
  }),
  row('N048 an old transcript', 'spdm.meas.nonce', {transcript: {nonce: new Uint8Array(32).fill(7)}}),
  row('N048 a nonce of zeros', 'spdm.meas.nonce', {transcript: {nonce: new Uint8Array(32)}}),
  ...rowsOn(
    G2,
    row('N049 another requester context comes back', 'spdm.meas.context', {
      transcript: {response: {requesterContext: new Uint8Array(8).fill(1)}},
    }),
  ),
  row('N050 a bit of the value', 'spdm.meas.signature', {transcript: {after: bytes => flip(bytes, 37 + 20)}}),
  row('N050 a bit of the nonce', 'spdm.meas.signature', {transcript: {after: bytes => flip(bytes, 4)}}),
  row('N051 another context', 'spdm.meas.signature', {transcript: {context: 'responder-challenge_auth signing'}}),
  row('N051 the recipe of 1.1', 'spdm.meas.signature', {transcript: {signedAs: 0x11}}),
  row('N051 the prefix of another version', 'spdm.meas.signature', prefixedWith('dmtf-spdm-v1.1.*')),
  row('N051 little-endian', 'spdm.meas.signature', {
    transcript: {
      after: bytes => {
        const [r, s] = [bytes.slice(-96, -48).toReversed(), bytes.slice(-48).toReversed()]
        return concat(bytes.slice(0, -96), r, s)
      },
    },
  }),
  row('N052 another leaf of the CA', 'spdm.meas.signature', {transcript: {signer: KEYS.otherLeaf}}),
  row('N054 changed meanwhile', 'spdm.meas.content-changed', {transcript: {response: {contentChanged: 1}}}),
  row('N055 an index twice', 'spdm.meas.blocks', {transcript: {blocks: [...BLOCKS, BLOCKS[2]!]}}),
  row('N055 index 0', 'spdm.meas.blocks', {transcript: {blocks: [...BLOCKS, {...BLOCKS[0]!, index: 0}]}}),
  row('N055 another specification', 'spdm.meas.blocks', {
    transcript: {record: [{index: 1, measurementSpecification: 2, measurement: new Uint8Array(51)}]},
  }),
  row('N055 a size that does not add up', 'spdm.meas.blocks', {
    transcript: {record: [{index: 1, measurementSpecification: 1, measurement: Uint8Array.of(0, 9, 0, 1)}]},
  }),
  row('N055 an undefined type', 'spdm.meas.blocks', {
    transcript: {record: [{index: 1, measurementSpecification: 1, measurement: Uint8Array.of(0x0b, 1, 0, 1)}]},
  }),
  row('N056 a raw value for a digest', 'spdm.meas.type-rep', {transcript: {blocks: withBlock(2, {raw: true})}}),
  row('N056 a digest of 32 bytes', 'spdm.meas.type-rep', {
    transcript: {blocks: withBlock(2, {value: new Uint8Array(32).fill(3)})},
  }),
  row('N056 an svn of 4 bytes', 'spdm.meas.type-rep', {
    transcript: {blocks: withBlock(16, {value: new Uint8Array(4)})},
  }),
  row('N056 a device mode of 12 bytes', 'spdm.meas.type-rep', {
    transcript: {blocks: withBlock(254, {value: new Uint8Array(12)})},
  }),
  row(
    'N057 nothing enrolled to compare with',
    'spdm.meas.reference',
    {},
    ruleWith({measurements: {source: 'enrolled'}, identity: {mode: 'allowlist', allow: [{san: IDENTITY}]}}),
  ),
  ...REFERENCE_ROWS,
  row('N058 a block missing', 'spdm.meas.coverage', {transcript: {blocks: BLOCKS.filter(({index}) => index !== 5)}}),
  row('N058 a block too many', 'spdm.meas.coverage', {transcript: {blocks: [...BLOCKS, {...BLOCKS[0]!, index: 12}]}}),
  row('N059 a digest one bit off', 'spdm.meas.values', {
    transcript: {blocks: withBlock(2, {value: flip(BLOCKS[1]!.value, 0)})},
  }),
  row(
    'N059 a raw value inside the mask',
    'spdm.meas.values',
    {transcript: {blocks: withBlock(3, {value: Uint8Array.of(0x12, 0x35)})}},
    ruleWith({measurements: {source: 'inline', values: valuesWith(3, {mask: '00ff'})}}),
  ),
  row(
    'N059 a condition nobody can answer',
    'spdm.meas.values',
    {},
    ruleWith({measurements: {source: 'inline', values: valuesWith(2, {when: {fact: 'opaque.x', equals: 1}})}}),
  ),
  alsoSeenBy(
    row(
      'N060 a placeholder of zeros',
      'spdm.meas.zero-digest',
      {transcript: {blocks: withBlock(4, {value: zero48})}},
      ruleWith({measurements: {source: 'inline', values: valuesWith(4, {digests: [`sha384:${'00'.repeat(48)}`]})}}),
    ),
    'spdm.meas.values',
  ),
  alsoSeenBy(
    row('N060 a placeholder of ones', 'spdm.meas.zero-digest', {
      transcript: {blocks: withBlock(4, {value: zero48.map(() => 0xff)})},
    }),
    'spdm.meas.values',
  ),
  row(
    'N061 a known bad value',
    'spdm.meas.denied',
    {},
    {...DOCUMENT, deny: [{measurement: `sha384:${toHex(BLOCKS[2 - 1]!.value)}`, reason: 'known bad'}]},
  ),
  ...rowsOn(
    G2,
    row('N062 an old svn', 'spdm.meas.svn', {
      transcript: {blocks: withAliasBlock(16, {value: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0)})},
    }),
    inMode('N064 manufacturing mode', 'spdm.meas.device-mode', mode(1, 0)),
    inMode('N064 two modes', 'spdm.meas.device-mode', mode(5, 0)),
    inMode('N065 debug active', 'spdm.meas.debug', mode(4, 2)),
    inMode('N065 debug has been active', 'spdm.meas.debug', mode(4, 8)),
  ),
]

/** The base policy, with the mode shown and not compared. */
export function informationalMode(): object {
  return ruleWith({
    measurements: {
      source: 'inline',
      values: valuesWith(254, {raw: undefined, informational: true}),
    },
  })
}
