/**
 * Evidence as it went by on a netlink socket: the messages of a dump of objects, and of the TSM's digests where those were
 * read as well, of either family of the guest's kernels.
 */
import {get, mask, toHex} from '../bits/index.js'
import {
  decodeAttributes,
  DEVICE_EVIDENCE,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  PCI_TSM,
  type RecordedDump,
  recordedDumps,
  u32Of,
} from '../kernel/index.js'
import {assemble, type Assembled, DEVICE_EVIDENCE_REPLY, PCI_TSM_REPLY, type ReplyAttributes} from '../tsm/index.js'
import {TsmctlError} from '../errors.js'
import {encodeFacts, tsmFacts} from './fact-objects.js'
import {freezeImported, type ImportFacts} from './imported.js'
import type {Bundle, EvidenceObject} from './types.js'

interface Family {
  readonly name: string
  readonly command: number
  readonly allTypes: number
  readonly flags: number
  readonly nonce: number
  readonly digestFlag: number
  readonly reply: ReplyAttributes
}

const FAMILIES: readonly Family[] = [
  {
    name: DEVICE_EVIDENCE.name,
    command: DEVICE_EVIDENCE.read,
    allTypes: DEVICE_EVIDENCE.allTypes,
    flags: DEVICE_EVIDENCE.attribute.flags,
    nonce: DEVICE_EVIDENCE.attribute.nonce,
    digestFlag: DEVICE_EVIDENCE.digestFlag,
    reply: DEVICE_EVIDENCE_REPLY,
  },
  {
    name: PCI_TSM.name,
    command: PCI_TSM.evidenceRead,
    allTypes: PCI_TSM.allTypes,
    flags: PCI_TSM.attribute.flags,
    nonce: PCI_TSM.attribute.nonce,
    digestFlag: PCI_TSM.digestFlag,
    reply: PCI_TSM_REPLY,
  },
]

const malformed = (got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'import recorded netlink messages', got, hint})

/** The family by its name, or by the attributes that only one of them has. */
function familyOf({family, payloads}: RecordedDump): Family | undefined {
  if (family !== undefined) return FAMILIES.find(({name}) => name === family)
  const [first] = payloads
  const types = new Set(first === undefined ? [] : decodeAttributes(first).map(({type}) => type))
  return FAMILIES.find(({reply}) => types.has(reply.type) && types.has(reply.announced?.length ?? reply.value))
}

/** `isDigests` undefined: the request was not recorded. */
interface ReadDump {
  readonly family: Family
  readonly assembled: Assembled
  readonly isDigests: boolean | undefined
  readonly nonce: string | undefined
}

function readDump(dump: RecordedDump): ReadDump[] {
  const family = familyOf(dump)
  if (family === undefined || family.command !== dump.command) return []
  const flags = dump.request?.find(({type}) => type === family.flags)
  const nonce = dump.request?.find(({type}) => type === family.nonce)
  return [
    {
      family,
      assembled: assemble(dump.payloads, family.allTypes, family.reply),
      isDigests: dump.request && flags !== undefined && get(mask(0, 0), u32Of(flags)) === family.digestFlag,
      nonce: nonce && toHex(nonce.value),
    },
  ]
}

const DIGEST_SIZES = [32, 48, 64]

/** All of one size, which is that of a digest. */
function looksLikeDigests({assembled: {objects}}: ReadDump): boolean {
  const sizes = new Set([...objects.values()].map(({length}) => length))
  return sizes.size === 1 && DIGEST_SIZES.includes([...sizes][0]!)
}

/** The objects come first, as they are collected, unless the requests say otherwise. */
function sorted(dumps: readonly ReadDump[]): {readonly data: ReadDump; readonly digests: ReadDump | undefined} {
  if (dumps.length === 0) throw malformed('there is no dump of evidence in it')
  if (dumps.length > 2)
    throw malformed(`there are ${dumps.length} dumps of evidence in it`, 'Cut out the messages of one collection.')
  const [first, second] = dumps as [ReadDump, ReadDump?]
  const [data, digests] = first.isDigests === true ? [second, first] : [first, second]
  const mistaken = digests !== undefined && !(digests.isDigests ?? looksLikeDigests(digests))
  if (data === undefined || data.isDigests === true || mistaken)
    throw malformed('there is not one dump of objects and at most one of digests in it')
  if (digests !== undefined && digests.family !== data.family) throw malformed('the dumps are of different families')
  return {data, digests}
}

/**
 * A bundle of recorded messages, and the nonce that their request had, where it was recorded. Throws TsmctlError
 * `malformed`, DecodeError for messages that are not whole.
 */
export function importNetlink(
  bytes: Uint8Array,
  facts: ImportFacts,
): {readonly bundle: Bundle; readonly statedNonce: string | undefined} {
  const {data, digests} = sorted(recordedDumps(bytes).flatMap(readDump))
  const {objects, generations, unknownAttributes} = data.assembled
  const unknown = new Set([...unknownAttributes, ...(digests?.assembled.unknownAttributes ?? [])])
  if (unknown.size > 0)
    throw malformed(`attribute types ${[...unknown].slice(0, 8).join(', ')} are not of ${data.family.name}`)
  const all = new Set([...generations, ...(digests?.assembled.generations ?? [])])
  if (all.size > 1) throw malformed(`the objects are of generations ${[...all].slice(0, 8).join(', ')}`)
  if (objects.size === 0) throw malformed('the dump has no object')
  const {source} = facts
  const stated = digests?.assembled.objects ?? new Map<EvidenceLabel, Uint8Array>()
  const tsm = tsmFacts(null, 'unknown', stated)
  const evidence = [...objects].map(([label, object]): EvidenceObject => {
    const digest = stated.get(label)
    return {
      label,
      bytes: object,
      source,
      ...(digest !== undefined && {tsmDigest: {alg: tsm.digestAlgorithm ?? 'unknown', value: toHex(digest)}}),
    }
  })
  const own: EvidenceObject[] = stated.size === 0 ? [] : [{label: 'tsm', bytes: encodeFacts(tsm), source}]
  const slot = EVIDENCE_TYPES.findIndex(label => label.startsWith('cert') && objects.has(label))
  return {
    bundle: freezeImported([...evidence, ...own], facts, {
      kind: 'file',
      abi: `netlink:${data.family.name}`,
      slot: Math.max(slot, 0),
      generation: generations[0] ?? null,
    }),
    statedNonce: data.nonce,
  }
}
