/** Evidence from files: our own bundles, what the kernel's helper dumps, and what device vendors' tools write. */
import {
  type Bundle,
  bundleFromFiles,
  bundleFromJson,
  type DumpedEvidence,
  type ForeignEvidence,
  importDumped,
  importForeign,
} from '../evidence/index.js'
import {certificatesOfPem, isSelfSigned, loadCertificateReader} from '../spdm/index.js'

/** A `*.tsmb.json` bundle. Throws TsmctlError `malformed` naming what is wrong. */
export const readBundle = (bytes: Uint8Array): Bundle => bundleFromJson(bytes)

/**
 * A directory: a bundle in its directory form where there is a manifest, otherwise what the kernel's helper dumped. Throws
 * TsmctlError `malformed`.
 */
export const readEvidenceDirectory = (dump: DumpedEvidence): Bundle =>
  dump.files.has('manifest.json') ? bundleFromFiles(dump.files) : importDumped(dump)

/** Raw evidence as a bundle that can be checked and can never lead to accept. */
export const importEvidence = async (raw: Omit<ForeignEvidence, 'order'>): Promise<Bundle> =>
  importForeign({...raw, order: await orderOf(raw.certificates)})

/** Vendors write the leaf first, SPDM the root: whichever end signed itself is the root. */
async function orderOf(pem: string): Promise<'leaf-first' | 'root-first'> {
  const certificates = certificatesOfPem(pem)
  const {certificateFacts} = await loadCertificateReader()
  return isSelfSigned(certificateFacts(certificates[0]!)) ? 'root-first' : 'leaf-first'
}
