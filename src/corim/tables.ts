/** Every map this room reads, for the generated reference. */
import {CLASS, CONCISE_MID_TAG, ENVIRONMENT, MEASUREMENT, MEASUREMENT_VALUES, TAG_IDENTITY, TRIPLES} from './comid.js'
import {CORIM} from './corim.js'
import {META, PROTECTED, SIGNER, VALIDITY} from './cose.js'
import {CONCISE_EVIDENCE, EVIDENCE_TRIPLES, SPDM_TOC} from './evidence.js'
import type {Members} from './members.js'

export const CORIM_MAPS: Readonly<Record<string, Members>> = {
  'COSE protected header': PROTECTED,
  'corim-meta-map': META,
  'corim-signer-map': SIGNER,
  'validity-map': VALIDITY,
  'corim-map': CORIM,
  'concise-mid-tag': CONCISE_MID_TAG,
  'tag-identity-map': TAG_IDENTITY,
  'triples-map': TRIPLES,
  'environment-map': ENVIRONMENT,
  'class-map': CLASS,
  'measurement-map': MEASUREMENT,
  'measurement-values-map': MEASUREMENT_VALUES,
  'spdm-toc-map': SPDM_TOC,
  'concise-evidence-map': CONCISE_EVIDENCE,
  'ev-triples-map': EVIDENCE_TRIPLES,
}
