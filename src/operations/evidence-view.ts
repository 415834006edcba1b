/** What `evidence` says about a bundle: names and sizes, no judgement. */
import {type Bundle, shortDigest} from '../evidence/index.js'
import {printable} from '../errors.js'
import {table} from './text-table.js'

export interface EvidenceView {
  readonly bdf: string | null
  /** Evidence digest D. */
  readonly digest: string
  readonly collectedAt: string
  readonly provider: string
  /** Generation of the first object; null where the interface has none. */
  readonly generation: number | null
  readonly tsm: string | null
  readonly state: string
  readonly nonce: string | null
  readonly objects: readonly {
    readonly label: string
    readonly mediaType: string
    readonly length: number
    readonly sha384: string
    /** Whether the TSM stated a digest of this object. */
    readonly tsmDigest: boolean
  }[]
}

export function evidenceView({manifest, digest}: Bundle): EvidenceView {
  return {
    bdf: manifest.device.bdf,
    digest,
    collectedAt: manifest.collectedAt,
    provider: manifest.provider.abi,
    generation: manifest.provider.generation,
    tsm: manifest.provider.tsm,
    state: manifest.tdiState,
    nonce: manifest.nonce?.value ?? null,
    objects: manifest.objects.map(({label, mediaType, length, sha384, tsmDigest}) => ({
      label,
      mediaType,
      length,
      sha384,
      tsmDigest: tsmDigest !== undefined,
    })),
  }
}

const sourceText = ({provider, generation}: EvidenceView): string =>
  provider === 'none'
    ? 'from the machine alone: its kernel has no evidence interface that this version understands'
    : `through ${printable(provider)}${generation === null ? '' : `, generation ${generation}`}`

export function evidenceText(bundle: Bundle): string {
  const view = evidenceView(bundle)
  const rows = view.objects.map(({label, length, sha384, tsmDigest}) => [
    label,
    `${length}`,
    shortDigest(sha384),
    tsmDigest ? 'yes' : 'no',
  ])
  return [
    `${view.bdf ?? 'no device'}: evidence collected ${view.collectedAt} ${sourceText(view)}\n`,
    `evidence digest  ${view.digest}\n`,
    table(['OBJECT', 'BYTES', 'SHA-384', 'TSM DIGEST'], rows),
  ].join('')
}
