/**
 * Evidence from files: our own bundles, what kernels send and their helper dumps, captures of SPDM, and what device
 * vendors' tools write. What a file is, is told by its content.
 */
import {
  type Bundle,
  checkJsonSize,
  freezeImported,
  type ImportFacts,
  importDumped,
  importForeign,
  importNetlink,
  isNvidia,
  MANIFEST_FILE,
  nvidiaItems,
  strictJson,
  type VendorItem,
  wholeBundle,
} from '../evidence/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {looksRecorded} from '../kernel/index.js'
import {readCapture} from '../pcap/index.js'
import {certificatesOfPem, isSelfSigned, loadCertificateReader} from '../spdm/index.js'
import {isCborMap, openBundle} from './bundle.js'

export const IMPORT_FORMATS = ['bundle', 'nvidia-json', 'netlink', 'pcap', 'dump', 'raw'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** What somebody brought: a file, or the files of a directory. */
export type Brought = Uint8Array | ReadonlyMap<string, Uint8Array>

export interface ImportOptions extends Omit<ImportFacts, 'bundleId'> {
  readonly newId: () => string
  /** PEM certificates of raw measurements. */
  readonly certificates?: string | undefined
  readonly format?: ImportFormat | undefined
}

export interface ImportedItem {
  /** Which of several devices it is, for people; null where a file is of one. */
  readonly name: string | null
  readonly bundle: Bundle
  readonly format: ImportFormat
  /** A nonce that only the file names. */
  readonly statedNonce: string | null
}

const refused = (got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the evidence', got, hint})

const FORMS =
  'Known are bundles, JSON of NVIDIA, recorded netlink messages, pcap files, directories of device-evidence dump, and ' +
  'measurements with --certificates.'

const startsJson = (bytes: Uint8Array): boolean =>
  /^\s*[{[]/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'))

/** The format of what was brought, by its content. */
function formatOf(brought: Brought, {certificates}: ImportOptions): ImportFormat {
  if (!(brought instanceof Uint8Array)) return brought.has(MANIFEST_FILE) ? 'bundle' : 'dump'
  if (certificates !== undefined) return 'raw'
  if (isCborMap(brought)) return 'bundle'
  if (startsJson(brought)) return isNvidia(jsonOf(brought)) ? 'nvidia-json' : 'bundle'
  if (readCapture(brought) !== undefined) return 'pcap'
  if (looksRecorded(brought)) return 'netlink'
  throw refused('it is of no known form', FORMS)
}

const jsonOf = (bytes: Uint8Array): unknown => {
  checkJsonSize(bytes)
  return strictJson(bytes, 'the evidence')
}

type One = Omit<ImportedItem, 'format'>
const single = (bundle: Bundle, statedNonce: string | null = null): One[] => [{name: null, bundle, statedNonce}]

/** A file's own nonce must at least be the one that the caller says was sent. */
function checkNonce(stated: string | undefined, {nonce}: {readonly nonce?: string | undefined}): void {
  if (stated !== undefined && nonce !== undefined && stated !== nonce)
    throw refused(
      `it was collected with nonce ${quoted(stated, 64)}, not with the one given`,
      'Evidence that answers another nonce may be old: ask for it again.',
    )
}

async function vendorItem(item: VendorItem, facts: ImportFacts): Promise<One> {
  const {transcript, certificates, statedNonce, abi, name} = item
  checkNonce(statedNonce, facts)
  const provider = {kind: 'vendor-tool', abi} as const
  const bundle = importForeign({...facts, transcript, certificates, provider, order: await orderOf(certificates)})
  return {name, bundle, statedNonce: statedNonce ?? null}
}

const oneFile = (brought: Brought, format: ImportFormat): Uint8Array => {
  if (brought instanceof Uint8Array) return brought
  throw refused(`it is a directory, and ${format} is one file`)
}

async function itemsOf(brought: Brought, format: ImportFormat, options: ImportOptions): Promise<One[]> {
  const {newId, certificates, format: _, ...said} = options
  const facts = (): ImportFacts => ({...said, bundleId: newId()})
  switch (format) {
    case 'bundle':
      return single(wholeBundle(await openBundle(brought)))
    case 'dump':
      if (brought instanceof Uint8Array) throw refused('it is a file, and a dump is a directory')
      return single(importDumped({...facts(), files: brought}))
    case 'nvidia-json':
      return Promise.all(nvidiaItems(jsonOf(oneFile(brought, format))).map(item => vendorItem(item, facts())))
    case 'netlink': {
      const {bundle, statedNonce} = importNetlink(oneFile(brought, format), facts())
      checkNonce(statedNonce, said)
      return single(bundle, statedNonce)
    }
    case 'pcap': {
      const capture = readCapture(oneFile(brought, format))
      if (capture === undefined) throw refused('it is no capture file')
      const {capturedEvidence} = await import('./capture-evidence.js')
      const {objects, slot, statedNonce} = await capturedEvidence(capture, said.source)
      checkNonce(statedNonce, said)
      return single(freezeImported(objects, facts(), {kind: 'file', abi: 'spdm-capture', slot}), statedNonce)
    }
    case 'raw':
      if (certificates === undefined)
        throw new TsmctlError({
          kind: 'usage',
          attempted: 'read raw measurements',
          got: 'the certificates are missing',
          hint: 'Name the PEM file with --certificates.',
        })
      return single(await importEvidence({...facts(), certificates, transcript: oneFile(brought, format)}))
  }
}

/**
 * Every device's evidence in what was brought: one, as a rule. Throws TsmctlError `malformed` for what is not whole or of
 * no known form.
 */
export async function importItems(brought: Brought, options: ImportOptions): Promise<readonly ImportedItem[]> {
  const format = options.format ?? formatOf(brought, options)
  return (await itemsOf(brought, format, options)).map(item => ({...item, format}))
}

/** The one item, or the `which`th, counted from 1. Throws TsmctlError `usage` when it is not clear which is meant. */
export function chosenItem(items: readonly ImportedItem[], which: number | undefined): ImportedItem {
  const item = items[(which ?? 1) - 1]
  if (item !== undefined && (which !== undefined || items.length === 1)) return item
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'choose the evidence of one device',
    got: `there are ${items.length} in the file`,
    hint: `Choose with --item: ${items
      .slice(0, 16)
      .map(({name}, index) => ((name ?? '').startsWith(`${index + 1}`) ? name : `${index + 1} ${name ?? ''}`))
      .join(', ')}`,
  })
}

/** Raw evidence as a bundle that can be checked and can never lead to accept. */
export const importEvidence = async (
  raw: ImportFacts & {readonly transcript: Uint8Array; readonly certificates: string},
): Promise<Bundle> => importForeign({...raw, order: await orderOf(raw.certificates)})

/** Vendors write the leaf first, SPDM the root: whichever end signed itself is the root. */
async function orderOf(pem: string): Promise<'leaf-first' | 'root-first'> {
  const certificates = certificatesOfPem(pem)
  const {certificateFacts} = await loadCertificateReader()
  return isSelfSigned(certificateFacts(certificates[0]!)) ? 'root-first' : 'leaf-first'
}
