/** SPDM 1.2, ECDSA P-384 and SHA-384, device certificates, all digests of the TSM, two data BARs and a locked MSI-X table. */
import {DOCUMENT} from '../forge.js'
import {baseOf} from './base.js'

export const G1 = baseOf('G1', {}, DOCUMENT)
