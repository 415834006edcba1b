/** Concise reference integrity manifests (draft-ietf-rats-corim): bytes in, facts out. Trust is decided elsewhere. */
export type {
  Comid,
  Environment,
  IdentityTriple,
  Measurement,
  MeasurementValues,
  ReferenceTriple,
  RawValue,
} from './comid.js'
export type {Signed} from './cose.js'
export type {Corim, Period} from './corim.js'
export type {ConciseEvidence} from './evidence.js'
export type {Digest} from './values.js'

/** The reader, whose library is loaded the first time somebody looks at a manifest. */
export const loadCorimReader = (): Promise<typeof import('./corim.js')> => import('./corim.js')

/** The reader of concise evidence in measurement manifests, likewise. */
export const loadConciseEvidenceReader = (): Promise<typeof import('./evidence.js')> => import('./evidence.js')

/** CBOR of strangers, and of our own. */
export const loadCbor = (): Promise<typeof import('./cbor.js')> => import('./cbor.js')

/** Whoever signs in COSE. */
export const loadCoseSigner = (): Promise<typeof import('./cose-sign.js')> => import('./cose-sign.js')
