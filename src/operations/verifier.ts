/** Who says it: this tool in this version, as attestation results name it. */
import type {Verifier} from '../appraisal/index.js'
import {VERSION} from '../version.js'

export const VERIFIER: Verifier = {developer: 'tsmctl', build: VERSION}
