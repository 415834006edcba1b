/**
 * One thing wrong at a time. The check that is there for it fails, what depends on it is blocked, nothing else changes,
 * and the decision is deny. Every part around the mutation is signed and digested as a capable attacker would.
 */
import {beforeAll, describe, expect, it} from 'vitest'
import {concat, toHex} from '../../src/bits/index.js'
import {type Appraisal, type CheckId, type Policy, REGISTRY} from '../../src/appraisal/index.js'
import {isSatisfied} from '../../src/appraisal/settle.js'
import type {PciFacts} from '../../src/evidence/index.js'
import {parseVca} from '../../src/spdm/index.js'
import {negotiation} from '../../src/sim/responder.js'
import {
  basic,
  BLOCKS,
  certificates,
  chainObject,
  deviceInfo,
  DOCUMENT,
  eku,
  type Forgery,
  forge,
  generous,
  GENUINE,
  IDENTITY,
  KEYS,
  mode,
  PCI,
  policyFrom,
  privateCritical,
  RANGES,
  report,
  ruleWith,
  sha384,
  transcript,
  Usage,
  usage,
  valuesWith,
  withBlock,
} from './forge.js'
import {der, dmtfExtension, extension, otherNames} from '../spdm/authority.js'
import {blockers, FACTS, failures, judge} from './guest.js'

const VCA = negotiation()
const {messages} = parseVca(VCA)
/** Bytes of a copy, changed. */
const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array => {
  const copy = bytes.slice()
  change(copy)
  return copy
}
const put = (bytes: Uint8Array, at: number, value: number): Uint8Array => changed(bytes, copy => (copy[at] = value))
const flip = (bytes: Uint8Array, at: number): Uint8Array => changed(bytes, copy => (copy[at]! ^= 1))
const [, VERSION, , CAPABILITIES, , ALGORITHMS] = messages.map(({offset}) => offset) as number[]
const flagsAt = CAPABILITIES! + 8

const NOTHING: Forgery = {}
const chain = chainObject(GENUINE)
const zero48 = new Uint8Array(48)
const range = RANGES[0]!
const second = RANGES[1]!
const third = RANGES[2]!

interface Row {
  readonly name: string
  readonly check: string
  readonly forgery?: Forgery | (() => Promise<Forgery>)
  readonly policy?: object
  readonly circumstances?: Parameters<typeof judge>[2]
}
const row = (
  name: string,
  check: string,
  forgery?: Row['forgery'],
  policy?: object,
  circumstances?: Row['circumstances'],
): Row => ({name, check, ...(forgery && {forgery}), ...(policy && {policy}), ...(circumstances && {circumstances})})

const chainOf = (spec: Parameters<typeof certificates>[0]) => async (): Promise<Forgery> => ({
  chain: chainObject(await certificates(spec)),
})
const leafWith = (
  ...extensions: Parameters<typeof chainOf>[0] extends undefined ? never : ReturnType<typeof basic>[]
) => chainOf({leaf: {extensions: [...extensions, deviceInfo(IDENTITY)]}})

const DMTF = '1.3.6.1.4.1.412.274'
const CMA_NAME = '2.23.147'
const TCB_INFO = '2.23.133.5.4.1'
/** Unused bits, then the fourth flag. */
const DEBUG_FLAG = Uint8Array.of(4, 0x10)
/** A layer of svn 5 (TCG DICE Attestation Architecture 1.1 §6.1.1). */
const tcbInfo = (...more: readonly Uint8Array[]): Uint8Array =>
  der(0x30, der(0x83, Uint8Array.of(5)), der(0x84, Uint8Array.of(0)), ...more)
/** A leaf with one extension more. */
const marked = (more: ReturnType<typeof basic>) => leafWith(basic(false), usage(Usage.digitalSignature), more)
/** A leaf with the name of PCI-SIG beside that of DMTF. */
const named = (cma: string) =>
  chainOf({
    leaf: {
      extensions: [basic(false), usage(Usage.digitalSignature), otherNames([`${DMTF}.1`, IDENTITY], [CMA_NAME, cma])],
    },
  })

const ROWS: readonly Row[] = [
  // acquisition
  row('N001 an unknown interface', 'acq.abi.known', {facts: {provider: {...FACTS.provider, abi: 'pci-tsm/2'}}}),
  row('N001 an unknown attribute', 'acq.abi.known', {collection: {unknownAttributes: [9]}}),
  row('N002 no TSM', 'acq.device.present', {facts: {provider: {...FACTS.provider, tsm: null}}}),
  row('N003 another revision', 'acq.device.stable', {before: {revision: '0x01'}}),
  row('N003 another boot', 'acq.device.stable', {before: {bootId: 'other'}}),
  row('N004 a driver', 'acq.driver.unbound', {pci: {driver: 'nvme'}, before: {driver: null}}),
  row('N005 RUN', 'acq.state.locked', {facts: {tdiState: 'RUN'}}),
  row('N005 ERROR', 'acq.state.locked', {facts: {tdiState: 'ERROR'}}),
  row('N006 a nonce used before', 'acq.nonce.used', {}, undefined, {
    nonces: {usedBefore: () => true, drawnFor: () => true},
  }),
  row('N006 a nonce of nobody', 'acq.nonce.used', {}, undefined, {
    nonces: {usedBefore: () => false, drawnFor: () => false},
  }),
  row('N006 a nonce of zeros', 'acq.nonce.used', {
    facts: {nonce: {value: '00'.repeat(32), derivation: 'random'}},
    transcript: {nonce: new Uint8Array(32).fill(1)},
  }),
  row('N006 a nonce of 31 bytes', 'acq.nonce.used', {facts: {nonce: {value: '11'.repeat(31), derivation: 'random'}}}),
  row('N007 two generations', 'acq.generation.stable', {collection: {generations: [7, 8]}}),
  row('N007 generation 0', 'acq.generation.stable', {collection: {generations: [0, 0]}}),
  row('N008 no report', 'acq.object.complete', {without: ['report']}),
  row('N009 a huge chain', 'acq.object.limits', {chain: concat(chain, new Uint8Array(66_000))}),
  row('N010 a file', 'acq.source.live', {facts: {provider: {...FACTS.provider, kind: 'file'}}}),
  row('N012 a clock before the floor', 'acq.time.trusted', {}, ruleWith({time: {floor: '2027-01-01T00:00:00Z'}})),
  // negotiation
  row('N013 a trailing byte', 'spdm.vca.framing', {vca: concat(VCA, Uint8Array.of(0))}),
  row('N013 a version too many', 'spdm.vca.framing', {vca: put(VCA, VERSION! + 5, 2)}),
  row('N013 messages out of order', 'spdm.vca.framing', {
    vca: concat(VCA.subarray(CAPABILITIES), VCA.subarray(0, CAPABILITIES)),
  }),
  row('N014 below the minimum', 'spdm.vca.version', {}, ruleWith({spdm: {minVersion: '1.3'}})),
  row('N014 a version nobody offered', 'spdm.vca.version', {vca: put(VCA, VERSION! + 7, 0x13)}),
  row('N015 two hashes', 'spdm.vca.algorithms', {vca: put(VCA, ALGORITHMS! + 16, 3)}),
  row('N015 a hash the rule forbids', 'spdm.vca.algorithms', {}, ruleWith({spdm: {hash: ['sha512']}})),
  row('N016 unsigned measurements', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! ^= 0x18))}),
  row('N016 reserved MEAS_CAP', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! |= 0x18))}),
  row('N016 no encryption', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt]! &= 0xbf))}),
  row('N016 a reserved PSK_CAP', 'spdm.vca.capabilities', {vca: changed(VCA, v => (v[flagsAt + 1]! |= 0x0c))}),
  row('N018 another negotiation', 'spdm.vca.covered', async () => ({
    vca: put(VCA, CAPABILITIES! + 5, 19),
    measurements: concat(VCA, await transcript(VCA)),
  })),
  // certificates
  row('N020 a length too many', 'spdm.chain.format', {chain: put(chain, 0, chain[0]! + 1)}),
  row('N020 a root hash of 32 bytes', 'spdm.chain.format', {
    chain: chainObject(GENUINE, sha384(GENUINE[0]!).subarray(0, 32)),
  }),
  row('N020 garbage behind the leaf', 'spdm.chain.format', {
    chain: chainObject([...GENUINE, Uint8Array.of(1, 2, 3)]),
  }),
  row('N020 no certificates', 'spdm.chain.format', {chain: chainObject([], sha384(GENUINE[0]!))}),
  row('N021 an answer for slot 1', 'spdm.chain.slot', {transcript: {response: {slotId: 1}}}),
  row('N021 another slot than the rule', 'spdm.chain.slot', {}, ruleWith({spdm: {slot: 1}})),
  row('N022 another root hash', 'spdm.chain.root-hash', {chain: chainObject(GENUINE, sha384(GENUINE[1]!))}),
  row(
    'N023 a root of the same name',
    'spdm.chain.root-pinned',
    chainOf({root: {keys: KEYS.otherRoot, signer: KEYS.otherRoot}}),
  ),
  row('N025 a broken signature', 'spdm.chain.signatures', {
    chain: chainObject([GENUINE[0]!, flip(GENUINE[1]!, GENUINE[1]!.length - 1), GENUINE[2]!]),
  }),
  row('N025 another issuer name', 'spdm.chain.signatures', chainOf({ca: {issuer: 'Root Two'}})),
  row(
    'N026 an intermediate that is no CA',
    'spdm.chain.ca-flags',
    chainOf({ca: {extensions: [basic(false), usage(Usage.keyCertSign)]}}),
  ),
  row(
    'N026 an intermediate that may not sign',
    'spdm.chain.ca-flags',
    chainOf({ca: {extensions: [basic(true), usage(Usage.cRLSign)]}}),
  ),
  row('N027 a leaf that is a CA', 'spdm.chain.leaf-ca', leafWith(basic(true), usage(Usage.digitalSignature))),
  row('N028 a leaf that may not sign', 'spdm.chain.leaf-key-usage', leafWith(basic(false), usage(Usage.keyAgreement))),
  row(
    'N029 a requester leaf',
    'spdm.chain.leaf-eku',
    leafWith(basic(false), usage(Usage.digitalSignature), eku('1.3.6.1.4.1.412.274.4')),
  ),
  row('N030 a leaf on another curve', 'spdm.chain.leaf-key-algo', chainOf({leaf: {keys: KEYS.p256}})),
  row('N031 an alias leaf where none was announced', 'spdm.chain.model', marked(dmtfExtension(`${DMTF}.5`))),
  row(
    'N032 a private critical extension',
    'spdm.chain.critical-ext',
    leafWith(basic(false), usage(Usage.digitalSignature), privateCritical),
  ),
  row(
    'N034 an expired intermediate',
    'spdm.chain.validity',
    chainOf({ca: {notAfter: new Date('2026-11-20T00:00:00Z')}}),
  ),
  row(
    'N036 a denied leaf',
    'spdm.chain.denied',
    {},
    {
      ...DOCUMENT,
      deny: [{certSha384: `sha384:${toHex(sha384(GENUINE[2]!))}`, reason: 'extracted key'}],
    },
  ),
  row(
    'N037 a name of two parts',
    'spdm.id.san-dmtf',
    chainOf({leaf: {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo('ACME:WIDGET')]}}),
    ruleWith({identity: {mode: 'any-from-anchor'}}),
  ),
  row(
    'N037 a name with an escape',
    'spdm.id.san-dmtf',
    chainOf({leaf: {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo('ACME:W\u001b[2J:1')]}}),
    ruleWith({identity: {mode: 'any-from-anchor'}}),
  ),
  row(
    'N038 a certificate for another device id',
    'spdm.id.san-cma',
    named('Vendor=1B36:Device=5678:CC=010802:REV=02:SSVID=1B36:SSID=0001'),
  ),
  row(
    'N038 another subsystem',
    'spdm.id.san-cma',
    named('Vendor=1B36:Device=0010:CC=010802:REV=02:SSVID=1AF4:SSID=0001'),
  ),
  row('N038 a name without the vendor', 'spdm.id.san-cma', named('Device=0010:CC=010802:REV=02')),
  row('N041 a TcbInfo cut short', 'spdm.dice.parse', marked(extension(TCB_INFO, tcbInfo().subarray(0, -1)))),
  row('N042 a layer in debug mode', 'spdm.dice.flags', marked(extension(TCB_INFO, tcbInfo(der(0x87, DEBUG_FLAG))))),
  row(
    'N044 an svn below the minimum',
    'spdm.dice.svn',
    marked(extension(TCB_INFO, tcbInfo())),
    ruleWith({dice: {minSvn: 6}}),
  ),
  row(
    'N040 another device of the model',
    'spdm.id.pinned',
    {},
    ruleWith({identity: {mode: 'allowlist', allow: [{san: 'ACME:WIDGET:0002'}]}}),
  ),
  row('N040 first use', 'spdm.id.pinned', {}, ruleWith({decision: 'review', identity: {mode: 'tofu'}})),
  // measurements
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
  row(
    'N047 only one block asked for',
    'spdm.meas.request',
    {transcript: {request: {measurementOperation: 1}, blocks: BLOCKS.slice(0, 1)}},
    ruleWith({measurements: {source: 'inline', values: [valuesWith(1, {})[0]]}}),
  ),
  row('N048 an old transcript', 'spdm.meas.nonce', {transcript: {nonce: new Uint8Array(32).fill(7)}}),
  row('N048 a nonce of zeros', 'spdm.meas.nonce', {transcript: {nonce: new Uint8Array(32)}}),
  row('N050 a bit of the value', 'spdm.meas.signature', {transcript: {after: bytes => flip(bytes, 37 + 20)}}),
  row('N050 a bit of the nonce', 'spdm.meas.signature', {transcript: {after: bytes => flip(bytes, 4)}}),
  row('N051 another context', 'spdm.meas.signature', {transcript: {context: 'responder-challenge_auth signing'}}),
  row('N051 the recipe of 1.1', 'spdm.meas.signature', {transcript: {signedAs: 0x11}}),
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
    'N057 a source this version cannot read',
    'spdm.meas.reference',
    {},
    ruleWith({measurements: {source: 'enrolled'}, identity: {mode: 'allowlist', allow: [{san: IDENTITY}]}}),
  ),
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
  row(
    'N060 a placeholder of zeros',
    'spdm.meas.zero-digest',
    {transcript: {blocks: withBlock(4, {value: zero48})}},
    ruleWith({measurements: {source: 'inline', values: valuesWith(4, {digests: [`sha384:${'00'.repeat(48)}`]})}}),
  ),
  row('N060 a placeholder of ones', 'spdm.meas.zero-digest', {
    transcript: {blocks: withBlock(4, {value: zero48.map(() => 0xff)})},
  }),
  row('N062 an old svn', 'spdm.meas.svn', {
    transcript: {blocks: withBlock(16, {value: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0)})},
  }),
  row(
    'N061 a known bad value',
    'spdm.meas.denied',
    {},
    {...DOCUMENT, deny: [{measurement: `sha384:${toHex(BLOCKS[2 - 1]!.value)}`, reason: 'known bad'}]},
  ),
  row(
    'N064 manufacturing mode',
    'spdm.meas.device-mode',
    {transcript: {blocks: withBlock(254, {value: mode(1, 0)})}},
    informationalMode(),
  ),
  row(
    'N064 two modes',
    'spdm.meas.device-mode',
    {transcript: {blocks: withBlock(254, {value: mode(5, 0)})}},
    informationalMode(),
  ),
  row(
    'N065 debug active',
    'spdm.meas.debug',
    {transcript: {blocks: withBlock(254, {value: mode(4, 2)})}},
    informationalMode(),
  ),
  row(
    'N065 debug has been active',
    'spdm.meas.debug',
    {transcript: {blocks: withBlock(254, {value: mode(4, 8)})}},
    informationalMode(),
  ),
  // binding
  row('N067 an unknown digest', 'tsm.digest.algo', {
    digests: {
      cert0: new Uint8Array(20),
      vca: new Uint8Array(20),
      measurements: new Uint8Array(20),
      report: new Uint8Array(20),
    },
  }),
  row('N068 another chain than the TSM saw', 'tsm.digest.certs', {digests: {cert0: zero48}}),
  row('N069 another negotiation than the TSM saw', 'tsm.digest.vca', {digests: {vca: zero48}}),
  row('N070 another transcript than the TSM saw', 'tsm.digest.measurements', {digests: {measurements: zero48}}),
  row('N071 another report than the TSM saw', 'tsm.digest.report', {
    report: report([{...range, pages: 3}, second, third]),
    digests: {report: sha384(report())},
  }),
  // interface report
  row('N086 a range too many', 'tdisp.report.framing', {report: put(report(), 12, 4)}),
  row('N086 device-specific bytes missing', 'tdisp.report.framing', {report: put(report(), 16 + 48, 8)}),
  row('N086 2^32-1 ranges', 'tdisp.report.framing', {report: changed(report(), r => r.fill(0xff, 12, 16))}),
  row('N086 a byte too many', 'tdisp.report.framing', {report: concat(report(), Uint8Array.of(0))}),
  row('N086 15 bytes', 'tdisp.report.framing', {report: report().subarray(0, 15)}),
  row(
    'N087 a reserved bit, required',
    'tdisp.report.reserved',
    {report: report(RANGES, {infoReserved: 1})},
    ruleWith({require: ['tdisp.report.*']}),
  ),
  row('N088 firmware updates', 'tdisp.report.no-fw-update', {report: report(RANGES, {noFwUpdate: false})}),
  row('N089 no DMA at all', 'tdisp.report.dma-pasid', {report: report(RANGES, {dmaWithoutPasid: false})}),
  row('N089 PASID', 'tdisp.report.dma-pasid', {report: report(RANGES, {dmaWithPasid: true})}),
  row('N090 ATS', 'tdisp.report.ats', {report: report(RANGES, {atsSupported: true})}),
  row('N091 PRS', 'tdisp.report.prs', {report: report(RANGES, {prsSupported: true})}),
  row('N092 MSI-X without control', 'tdisp.report.msix-locked', {
    report: report(RANGES, {msixEnable: false, msixTableSize: 0}),
  }),
  row('N092 another control', 'tdisp.report.msix-locked', {report: report(RANGES, {msixTableSize: 7})}),
  row(
    'N093 shared MSI-X',
    'tdisp.report.msix-exclusive',
    {report: report([range, second, {...third, flags: {msixTable: true, msixPba: true, isNonTeeMem: true}}])},
    ruleWith({tdisp: {nonTeeRanges: [{bar: 4}]}}),
  ),
  row('N094 a range of no pages', 'tdisp.report.mmio-count', {report: report([range, {...second, pages: 0}, third])}),
  row('N095 BARs out of order', 'tdisp.report.mmio-order', {report: report([second, range, third])}),
  row('N096 beyond the address space', 'tdisp.report.mmio-overflow', {
    report: report([range, second, {...third, first: (1n << 52n) - 1n, pages: 2}]),
  }),
  row('N097 a page twice', 'tdisp.report.mmio-overlap', {
    report: report([{...range, pages: 2}, {id: 0, first: 0x1001n, pages: 3}, second, third]),
  }),
  row('N097 a page in two BARs', 'tdisp.report.mmio-overlap', {
    report: report([range, {...second, first: 0x1003n}, third]),
  }),
  row('N098 an upper half', 'tdisp.report.mmio-bar', {
    report: report([range, {id: 1, first: 0x1008n, pages: 1}, second, third]),
  }),
  row('N098 an I/O BAR', 'tdisp.report.mmio-bar', {
    pci: {bars: PCI.bars.map(bar => (bar.index === 2 ? {...bar, kind: 'io'} : bar))},
  }),
  row('N098 id 6', 'tdisp.report.mmio-bar', {report: report([...RANGES, {id: 6, first: 0x2000n, pages: 1}])}),
  row('N098 id 9', 'tdisp.report.mmio-bar', {report: report([...RANGES, {id: 9, first: 0x2000n, pages: 1}])}),
  row('N099 larger than its BAR', 'tdisp.report.mmio-within-bars', {
    report: report([{...range, pages: 5}, second, third]),
  }),
  row('N099 over the end of its BAR', 'tdisp.report.mmio-within-bars', {
    report: report([{...range, first: 0x1003n, pages: 2}, second, third]),
  }),
  row('N100 a hole at the start', 'tdisp.report.mmio-anchored', {
    report: report([{...range, first: 0x1001n, pages: 3}, second, third]),
  }),
  row('N101 a page in the middle', 'tdisp.report.mmio-coverage', {
    report: report([{...range, pages: 1}, {id: 0, first: 0x1002n, pages: 2}, second, third]),
  }),
  row('N102 shared data', 'tdisp.report.mmio-tee', {
    report: report([range, {...second, flags: {isNonTeeMem: true}}, third]),
  }),
  row(
    'N102 more shared pages than allowed',
    'tdisp.report.mmio-tee',
    {report: report([range, {...second, flags: {isNonTeeMem: true}}, third])},
    ruleWith({tdisp: {nonTeeRanges: [{bar: 2, maxPages: 1}]}}),
  ),
  row('N103 attributes that can change', 'tdisp.report.mmio-updatable', {
    report: report([range, {...second, flags: {isMemAttrUpdatable: true}}, third]),
  }),
  row(
    'N104 device-specific bytes',
    'tdisp.report.device-specific',
    {report: report(RANGES, {deviceSpecificInfo: Uint8Array.of(1)})},
    ruleWith({tdisp: {deviceSpecific: 'deny'}}),
  ),
  row('N105 a pinned report', 'tdisp.report.pinned', {}, ruleWith({tdisp: {report: 'pin'}})),
  // machine and policy
  row('N106 a BAR that is no power of two', 'pci.bar.sane', {
    pci: {bars: [{...PCI.bars[0]!, size: '0x5000'}, ...PCI.bars.slice(1)]},
  }),
  row('N106 BARs that overlap', 'pci.bar.sane', {
    pci: {bars: PCI.bars.map(bar => (bar.index === 2 ? {...bar, address: '0x800002000'} : bar))},
  }),
  row('N107 memory decoding off', 'pci.command', {before: {command: '0x0004'}}),
  row('N109 nothing keeps drivers away', 'kernel.autoprobe', {collection: {driverOverride: null}}),
  row('N110 an expired policy', 'policy.integrity', {}, {...DOCUMENT, notAfter: '2026-11-01T00:00:00Z'}),
  row('N110 a policy with findings', 'policy.integrity', {}, {...DOCUMENT, extra: 1}),
  row('N111 no rule', 'policy.selector', {}, {...DOCUMENT, rules: []}),
  row(
    'N111 two rules',
    'policy.selector',
    {},
    {...DOCUMENT, rules: [...DOCUMENT.rules, {...DOCUMENT.rules[0], id: 'b', match: {class: '0x0108'}}]},
  ),
  row(
    'N111 a rule for another name',
    'policy.selector',
    {},
    ruleWith({match: {vendor: '0x1b36', san: 'ACME:OTHER:*'}}),
  ),
  row('N112 old evidence', 'policy.age', {facts: {collectedAt: '2026-11-21T11:58:00Z'}}),
  row('N112 a clock set back', 'policy.age', {facts: {collectedAt: '2026-11-21T12:01:00Z'}}),
  row('N112 old by the monotonic clock', 'policy.age', {}, undefined, {ageSeconds: 121}),
]

function informationalMode(): object {
  return ruleWith({
    measurements: {
      source: 'inline',
      values: valuesWith(254, {raw: undefined, informational: true}),
    },
  })
}

/** Most rows share one document; reading it costs as much as judging by it. */
const policies = new Map<object, {readonly own: Policy; readonly generous: Policy}>()
function policiesOf(document: object): {readonly own: Policy; readonly generous: Policy} {
  const made = policies.get(document) ?? {
    own: policyFrom(document),
    generous: policyFrom(generous(document as typeof DOCUMENT)),
  }
  policies.set(document, made)
  return made
}

/** What is forged for a row, once. */
const forged = new Map<object, ReturnType<typeof forge>>()
function evidenceOf(forgery: NonNullable<Row['forgery']>): ReturnType<typeof forge> {
  const made =
    forged.get(forgery) ??
    Promise.resolve(typeof forgery === 'function' ? forgery() : forgery).then(given => forge(VCA, FACTS, given))
  forged.set(forgery, made)
  return made
}

const judged = async (
  {forgery = NOTHING, policy = DOCUMENT, circumstances}: Partial<Row>,
  reading: 'own' | 'generous' = 'own',
): Promise<Appraisal> => judge(await evidenceOf(forgery), policiesOf(policy)[reading], circumstances)

let base: Appraisal
beforeAll(async () => {
  base = await judged({})
})

it('the base is accepted, so that the rows prove something', () => {
  expect(blockers(base)).toEqual([])
  expect(base.decision).toBe('accept')
})

describe('negative cases', () => {
  it.each(ROWS)('$name: $check', async item => {
    const appraisal = await judged(item)
    expect(appraisal.decision).toBe('deny')
    expect(failures(appraisal)).toContain(item.check)
    // everything else that stands against it is a consequence
    const others = failures(appraisal).filter(id => id !== item.check)
    expect(others).toEqual(CONSEQUENCES[item.name] ?? [])
    const byId = new Map(appraisal.results.map(result => [result.id, result]))
    for (const {id, result, blockedBy} of appraisal.results) {
      const unmet = (REGISTRY[id as CheckId].requires ?? []).filter(
        prerequisite => !isSatisfied(byId.get(prerequisite)!),
      )
      // blocked by what did not pass, and never evaluated on top of something that did not pass
      if (result === 'blocked') expect(isSatisfied(byId.get(blockedBy!)!)).toBe(false)
      else expect(unmet).toEqual([])
    }
    expect(appraisal.results.find(({id}) => id === 'ui.safe-text')?.result).toBe('pass')
  })

  it.each(ROWS)('$name: with every waiver and skip a policy can allow', async item => {
    const {decision, results} = await judged(item, 'generous')
    const found = results.find(({id}) => id === item.check)!
    if (found.class === 'F') expect(decision).toBe('deny')
    // what was waived needs a human, and never counts as proven
    else if (found.class === 'W') expect(found).toMatchObject({result: 'waived', word: 'RELAXED'})
    expect(decision).not.toBe('accept')
  })
})

describe('a device is accepted that its driver left', () => {
  // as Linux does it, MSI-X and bus mastering are off then: 0 is Message Control of a table of one entry
  const one = {...(PCI.msix as object), tableSize: 1, control: '0x0000'} as PciFacts['msix']
  const off = report(RANGES, {msixEnable: false, msixTableSize: 0})
  it.each<[string, Forgery]>([
    ['without bus mastering', {pci: {command: '0x0002'}, before: {command: '0x0002'}}],
    ['with an MSI-X table of one entry, switched off', {pci: {msix: one}, before: {msix: one}, report: off}],
  ])('%s', async (_, forgery) => {
    const {decision, results} = await judged({forgery})
    expect(results.flatMap(({id, blocking}) => (blocking ? [id] : []))).toEqual([])
    expect(decision).toBe('accept')
  })
})

describe('a device that cannot report debug access', () => {
  it.each([0, 1, 2, 0x1c])('is not proven to have none: DeviceModeCapabilities %s', async reportable => {
    const forgery = {transcript: {blocks: withBlock(254, {value: mode(4, 0, reportable)})}}
    const {decision, results} = await judged({forgery, policy: informationalMode()})
    expect(results.find(({id}) => id === 'spdm.meas.debug')).toMatchObject({
      result: 'skip',
      reason: 'abs',
      blocking: true,
      word: 'NOT PROVEN',
    })
    expect(decision).toBe('deny')
  })
})

/** Checks that see the same mutation on their own. */
const CONSEQUENCES: Readonly<Record<string, readonly string[]>> = {
  'N006 a nonce of zeros': ['spdm.meas.nonce'],
  'N006 a nonce of 31 bytes': ['spdm.meas.nonce'],
  'N009 a huge chain': ['spdm.chain.format'],
  'N060 a placeholder of zeros': ['spdm.meas.values'],
  'N060 a placeholder of ones': ['spdm.meas.values'],
}
