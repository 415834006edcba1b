/** Evidence from files: our own bundles, and the raw measurements and certificates that device vendors' tools write. */
import {type Bundle, bundleFromJson, type ForeignEvidence, importForeign} from '../evidence/index.js'
import {certificatesOfPem, isSelfSigned, loadCertificateReader} from '../spdm/index.js'

/** A `*.tsmb.json` bundle. Throws TsmctlError `malformed` naming what is wrong. */
export const readBundle = (bytes: Uint8Array): Bundle => bundleFromJson(bytes)

/** Raw evidence as a bundle that can be checked and can never lead to accept. */
export const importEvidence = async (raw: Omit<ForeignEvidence, 'order'>): Promise<Bundle> =>
  importForeign({...raw, order: await orderOf(raw.certificates)})

/** Vendors write the leaf first, SPDM the root: whichever end signed itself is the root. */
async function orderOf(pem: string): Promise<'leaf-first' | 'root-first'> {
  const certificates = certificatesOfPem(pem)
  const {certificateFacts} = await loadCertificateReader()
  return isSelfSigned(certificateFacts(certificates[0]!)) ? 'root-first' : 'leaf-first'
}
