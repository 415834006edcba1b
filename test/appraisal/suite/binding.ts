/** What only the TSM can say (N066 to N078, N085), and the link. */
import {toHex} from '../../../src/bits/index.js'
import type {PlatformVerdict, TsmNow} from '../../../src/appraisal/checks/index.js'
import {parseVca} from '../../../src/spdm/index.js'
import {FLAGS, G3T, G4, G4_ARM, INTERFACE, MARKS, OLD_VCA, SESSION, verdictOn} from '../bases/index.js'
import {
  certificates,
  chainObject,
  KEYS,
  type RangeSpec,
  RANGES,
  report,
  sha384,
  transcript,
  withBlock,
} from '../forge.js'
import {NOW} from '../guest.js'
import {ROWS as LINK} from './link.js'
import {alsoSeenBy, flagsAt, put, range, row, type Row, rowsOn, second, third, VCA} from './row.js'

/** Another TDI of the same device has the same ranges elsewhere. */
const ofAnotherTdi = report(RANGES.map((item): RangeSpec => ({...item, first: item.first + 0x10_0000n})))
const seen = sha384(report())
const last = seen.length - 1

/** Flags of CAPABILITIES in the negotiation of 1.1. */
const oldFlags = parseVca(OLD_VCA).messages[3]!.offset + 8

const [, , otherLeaf] = await certificates({leaf: {keys: KEYS.otherLeaf}})
const anotherDevice = async () => ({
  chain: chainObject(await certificates({leaf: {keys: KEYS.otherLeaf}})),
  transcript: {signer: KEYS.otherLeaf},
  digests: {cert0: sha384(chainObject(await certificates({})))},
})

/** The circumstances of G4 with another verdict on the platform. */
const attested =
  (change: Partial<PlatformVerdict>): Row['circumstances'] =>
  bundle => ({platform: verdictOn(bundle, change)})

/** The same where the TSM is asked again. */
const evaluated =
  (tsm: TsmNow): Row['circumstances'] =>
  bundle => ({platform: verdictOn(bundle), tsm})

const attestation = (name: string, change: Partial<PlatformVerdict>): Row =>
  row(`N066 ${name}`, 'tsm.platform.attested', {}, undefined, attested(change))

export const ROWS: readonly Row[] = [
  row('N069 a capability that the TSM did not see', 'tsm.digest.vca', {
    vca: put(VCA, flagsAt + 1, VCA[flagsAt + 1]! ^ 0x40),
    digests: {vca: sha384(VCA)},
  }),
  row('N070 a second transcript for the same nonce', 'tsm.digest.measurements', async () => ({
    transcript: {response: {nonce: new Uint8Array(32).fill(8)}},
    digests: {measurements: sha384(await transcript(VCA))},
  })),
  ...rowsOn(
    G4,
    attestation('another machine than expected', {status: 'contraindicated'}),
    attestation('a platform with a warning', {status: 'warning'}),
    attestation('a verdict on other evidence', {bindings: ['00'.repeat(64)]}),
    attestation('a verdict older than the evidence', {issuedAt: new Date('2026-11-21T11:00:00Z')}),
    attestation('a verdict that expired', {expires: new Date(NOW.getTime() - 1000)}),
    attestation('a verdict of the future', {issuedAt: new Date(NOW.getTime() + 3_600_000)}),
    row('N067 an unknown digest algorithm', 'tsm.digest.algo', {tsm: {digestAlgorithm: '0x7f'}}),
    row('N067 SHA-1', 'tsm.digest.algo', {
      tsm: {digestAlgorithm: 'sha1'},
      digests: Object.fromEntries(['cert0', 'vca', 'measurements', 'report'].map(label => [label, new Uint8Array(20)])),
    }),
    row('N068 the chain of another device, and all that is signed with it', 'tsm.digest.certs', anotherDevice),
    row('N070 another transcript with the same nonce', 'tsm.digest.measurements', async () => ({
      transcript: {blocks: withBlock(16, {value: Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0)})},
      digests: {measurements: sha384(await transcript(VCA))},
    })),
    row('N071 a page more than the TSM saw', 'tsm.digest.report', {
      report: report([{...range, pages: 5}, second, third]),
      digests: {report: seen},
    }),
    row('N071 the report of another TDI', 'tsm.digest.report', {report: ofAnotherTdi, digests: {report: seen}}),
    row('N072 a digest cut short', 'tsm.digest.report', {digests: {report: seen.subarray(0, last)}}),
    row('N072 a digest that begins the same', 'tsm.digest.report', {
      digests: {report: put(seen, last, seen[last]! ^ 1)},
    }),
    row('N073 measurements that are not fresh', 'tsm.digest.fresh', {
      tsm: {measurementDigest: {valid: true, fresh: false}},
    }),
    row('N073 no valid digest of them', 'tsm.digest.fresh', {tsm: {measurementDigest: {valid: false, fresh: true}}}),
    row('N074 unbound', 'tsm.session.bound', {tsm: {session: {...SESSION, bound: false}}}),
    row('N074 a session that ended', 'tsm.session.bound', {tsm: {session: {...SESSION, alive: false}}}),
    // keys of no session are not those of this one either
    alsoSeenBy(
      row('N074 session 0', 'tsm.session.bound', {tsm: {session: {...SESSION, id: '0x00000000'}}}),
      'ide.keys.session',
    ),
    row('N075 the key of another slot', 'tsm.session.pubkey', {
      tsm: {session: {...SESSION, key: {...SESSION.key, value: toHex(sha384(otherLeaf!))}}},
    }),
    row('N075 a digest cut short', 'tsm.session.pubkey', {
      tsm: {session: {...SESSION, key: {...SESSION.key, value: SESSION.key.value.slice(2)}}},
    }),
    row('N076 firmware updates allowed, and the report says otherwise', 'tsm.lock.flags', {
      tsm: {lockFlags: {...FLAGS, noFwUpdate: false}},
    }),
    row('N076 peer-to-peer', 'tsm.lock.flags', {tsm: {lockFlags: {...FLAGS, bindP2p: true}}}),
    row('N076 MSI-X not locked', 'tsm.lock.flags', {tsm: {lockFlags: {...FLAGS, lockMsix: false}}}),
    row('N076 requests that need not be redirected', 'tsm.lock.flags', {
      tsm: {lockFlags: {...FLAGS, allRequestRedirect: false}},
    }),
    row('N078 another report since', 'tsm.report.counter', {}, undefined, evaluated({report: '04'})),
    row('N078 another report meanwhile', 'tsm.report.counter', {tsm: {marks: {report: {before: '03', after: '04'}}}}),
    row('N085 the report of another TDI', 'tdisp.interface.id', {tsm: {interface: {...INTERFACE, tdi: '0x0103'}}}),
    row('N085 a TDI that is another function here', 'tdisp.interface.id', {
      tsm: {interface: {...INTERFACE, bdf: '0000:01:00.1'}},
    }),
  ),
  ...rowsOn(
    G4_ARM,
    row('N073 a nonce that did not advance', 'tsm.digest.fresh', {
      tsm: {marks: {...MARKS, measurements: {before: '22', after: '22'}}},
    }),
    row('N073 a nonce of zeros', 'tsm.digest.fresh', {
      tsm: {marks: {...MARKS, measurements: {before: '22', after: '00'}}},
    }),
    row('N077 locked again since', 'tsm.lock.epoch', {}, undefined, evaluated({lock: '55'.repeat(32)})),
    row('N077 locked again meanwhile', 'tsm.lock.epoch', {
      tsm: {marks: {...MARKS, lock: {...MARKS.lock, after: '55'.repeat(32)}}},
    }),
    row('N077 a lock of no nonce', 'tsm.lock.epoch', {
      tsm: {marks: {...MARKS, lock: {before: '00'.repeat(32), after: '00'.repeat(32)}}},
    }),
    row('N077 a nonce of the lock that is gone', 'tsm.lock.epoch', {
      tsm: {marks: {...MARKS, lock: {...MARKS.lock, after: null}}},
    }),
    row('N078 another report nonce since', 'tsm.report.counter', {}, undefined, evaluated({report: '55'.repeat(32)})),
  ),
  ...rowsOn(
    G3T,
    // nothing else vouches for a negotiation of 1.1
    alsoSeenBy(
      row('N069 one capability other than the TSM saw', 'tsm.digest.vca', {
        vca: put(OLD_VCA, oldFlags, OLD_VCA[oldFlags]! ^ 1),
        digests: {vca: sha384(OLD_VCA)},
      }),
      'spdm.vca.covered',
    ),
  ),
  ...LINK,
]
