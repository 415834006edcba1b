/** Revocation (N035): what an issuer says, who may say it for him, and for how long it counts. */
import {der, extension} from '../../spdm/authority.js'
import {extensionDer, makeCrl, makeOcsp, type OcspShape, type Signer} from '../../spdm/statements.js'
import {certificateFacts} from '../../spdm/support.js'
import {basic, certificate, GENUINE, KEYS, ruleWith, type Supplied, supplying, Usage, usage} from '../forge.js'
import {chainOf, row, type Row} from './row.js'

const [rootFacts, caFacts] = [GENUINE[0]!, GENUINE[1]!].map(certificateFacts) as [Signer['facts'], Signer['facts']]
/** The vendor's root, which speaks about its CA. */
export const ROOT: Signer = {facts: rootFacts, keys: KEYS.root}
/** Somebody else with a root of the same name. */
const unrelated = await certificate(
  {},
  {
    keys: KEYS.otherRoot,
    name: 'Root',
    issuer: 'Root',
    signer: KEYS.otherRoot,
    extensions: [basic(true), usage(Usage.keyCertSign | Usage.cRLSign)],
  },
)
const STRANGER: Signer = {facts: certificateFacts(unrelated), keys: KEYS.otherRoot}

const REVOKED = {at: new Date('2026-10-01T00:00:00Z'), reason: 1}
export const crl = (...serials: readonly string[]): Supplied => ({
  revocation: [{name: 'acme.crl', bytes: makeCrl({by: ROOT, revoked: serials.map(serial => ({serial, reason: 1}))})}],
})
export const ocsp = (shape: Partial<OcspShape> = {}, answer: object = {}): Supplied => ({
  revocation: [
    {name: 'ca.ocsp', bytes: makeOcsp({by: ROOT, answers: [{about: caFacts, issuer: rootFacts, ...answer}], ...shape})},
  ],
})

export const policyWith = (supplied: Supplied, revocation: object = {mode: 'hard'}): object =>
  supplying(ruleWith({revocation}), supplied)

const HOURS = {mode: 'hard', maxAgeHours: 4}
const POINTER = extension(
  '2.5.29.31',
  der(0x30, der(0x30, der(0xa0, der(0xa0, der(0x86, 'http://crl.acme.example/root.crl'))))),
)
/** A CA that says where its status can be learned. */
export const pointing = chainOf({ca: {extensions: [basic(true), usage(Usage.keyCertSign | Usage.cRLSign), POINTER]}})

const CHECK = 'spdm.chain.revocation'
const revoked = (name: string, supplied: Supplied, revocation?: object): Row =>
  row(`N035 ${name}`, CHECK, {}, policyWith(supplied, revocation))

export const ROWS: readonly Row[] = [
  revoked('a list that names the device CA', crl('02')),
  revoked('a list that names the device CA, where only lists at hand count', crl('02'), {mode: 'local-only'}),
  revoked('a list that names the device CA, where unknown is tolerated', crl('02'), {mode: 'soft'}),
  revoked(
    'a list that names the device CA, signed with SHA-1, where only lists at hand count',
    {revocation: [{name: 'old.crl', bytes: makeCrl({by: ROOT, revoked: [{serial: '02'}], hash: 'sha1'})}]},
    {mode: 'local-only'},
  ),
  revoked('a response that revokes the device CA', ocsp({}, {status: REVOKED})),
  revoked(
    'a response that revokes the device CA, signed with SHA-1, where only lists at hand count',
    ocsp({hash: 'sha1'}, {status: REVOKED}),
    {mode: 'local-only'},
  ),
  revoked('a response older than the rule allows', ocsp(), HOURS),
  revoked('a list older than the rule allows', crl(), HOURS),
  revoked('a response of an unrelated authority', ocsp({by: STRANGER})),
  revoked(
    'a response of an unrelated authority with its certificate',
    ocsp({by: STRANGER, certificates: [STRANGER.facts]}),
  ),
  revoked('a response that does not know the device CA', ocsp({}, {status: 'unknown'})),
  revoked('a list that only says what changed', {
    revocation: [
      {
        name: 'delta.crl',
        bytes: makeCrl({by: ROOT, extensions: [extensionDer('2.5.29.27', der(0x02, Uint8Array.of(1)), true)]}),
      },
    ],
  }),
  revoked('a file that is no statement', {
    revocation: [{name: 'login.html', bytes: new TextEncoder().encode('<html>')}],
  }),
  row('N035 nothing supplied about a CA that names a source', CHECK, pointing, ruleWith({revocation: {mode: 'hard'}})),
]
