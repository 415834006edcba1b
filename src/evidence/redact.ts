/**
 * Bundles that can be shown around: the same evidence without what names the machine it was collected on, under a digest
 * of its own and with the digest it came from. Nothing goes that a verdict is made of, and nothing whose absence could
 * make a verdict better: where values contradict each other, the contradiction stays.
 */
import {TsmctlError} from '../errors.js'
import {freeze, integrityFindings} from './bundle.js'
import {decodeCollectionFacts, decodePciFacts, encodeFacts} from './fact-objects.js'
import type {Bundle, CollectionFacts, EvidenceObject, Manifest, PciFacts} from './types.js'

/** What may be left out besides the names of the machine: the platform's report, the device's serial number. */
export const DROPPABLE = ['platform', 'dsn'] as const
export type Droppable = (typeof DROPPABLE)[number]

const refused = (got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'redact the evidence bundle', got, hint})

/** `facts` without those members that the redaction takes. */
function withoutNames<T extends {readonly dsn?: string | undefined}>(facts: T, drop: ReadonlySet<Droppable>): T {
  if (!drop.has('dsn')) return facts
  const {dsn: _, ...rest} = facts
  return rest as T
}

const redactPci = (pci: PciFacts, drop: ReadonlySet<Droppable>): PciFacts => ({
  ...withoutNames(pci, drop),
  bootId: null,
})

/** Values that two looks at one machine must agree on, or their difference is what a verdict sees. */
function checkAgreement(what: string, values: readonly (string | null | undefined)[]): void {
  if (new Set(values.map(value => value ?? null)).size > 1)
    throw refused(`it has different values for the ${what}, and that is part of what it shows`)
}

/** The manifest repeats what was seen, if it says anything. */
const serialNumbers = ({device}: Manifest, looks: readonly PciFacts[]): (string | undefined)[] => [
  ...(device.dsn === undefined ? [] : [device.dsn]),
  ...looks.map(({dsn}) => dsn),
]

/**
 * The bundle without its machine's names, and without what `drop` names. Throws TsmctlError `malformed` for a bundle that
 * is not whole, whose facts cannot be read, or that shows by those values that something changed.
 */
export function redact(bundle: Bundle, dropped: Iterable<Droppable> = []): Bundle {
  const drop = new Set(dropped)
  const [finding] = integrityFindings(bundle)
  if (finding !== undefined) throw refused(`bundle altered: ${finding}`)
  const {manifest, objects} = bundle
  const [pciBytes, collectionBytes] = [objects.get('pci'), objects.get('collection')]
  const pci = pciBytes && decodePciFacts(pciBytes)
  const collection = collectionBytes && decodeCollectionFacts(collectionBytes)
  const looks = [pci, collection?.before].filter((look): look is PciFacts => look !== undefined)
  checkAgreement(
    'boot',
    looks.map(({bootId}) => bootId),
  )
  if (drop.has('dsn')) checkAgreement('serial number', serialNumbers(manifest, looks))
  const facts = new Map<string, Uint8Array>([
    ...(pci === undefined ? [] : [['pci', encodeFacts(redactPci(pci, drop))] as const]),
    ...(collection === undefined ? [] : [['collection', encodeFacts(redactCollection(collection, drop))] as const]),
  ])
  const {version: _, objects: listed, ...rest} = manifest
  return freeze(
    listed
      .filter(({label}) => !(label === 'platform' && drop.has('platform')))
      .map(({label, mediaType, source, tsmDigest}): EvidenceObject => ({
        label,
        bytes: facts.get(label) ?? objects.get(label)!,
        mediaType,
        source,
        tsmDigest,
      })),
    {
      ...rest,
      host: {...rest.host, machineIdHash: null, bootId: null},
      device: withoutNames(rest.device, drop),
      redactedFrom: bundle.digest,
    },
  )
}

const redactCollection = (collection: CollectionFacts, drop: ReadonlySet<Droppable>): CollectionFacts => ({
  ...collection,
  before: redactPci(collection.before, drop),
})
