/**
 * DICE evidence inside certificates (TCG DICE Attestation Architecture 1.1 §6.1). The same object identifier has carried
 * different syntaxes, so the content decides what it is, not the identifier.
 */
import {isZero} from '../../bits/index.js'
import {hashNamed} from '../algorithms.js'
import {digestNamed} from './certificate-key.js'
import {
  checkNesting,
  childrenOf,
  contentOf,
  contextTag,
  type Der,
  encodingOf,
  expectTag,
  malformed,
  onlyChildOf,
  readWhole,
  TAG,
} from './der.js'
import {bitNumbersOf, countOf, integerOf, oidOf, utf8Of} from './der-values.js'

const DICE_ARC = '2.23.133.5.4'
export const DICE_OID = {
  tcbInfo: `${DICE_ARC}.1`,
  /** Used for TcbInfo by some devices. */
  tcbInfoVariant: `${DICE_ARC}.1.1`,
  ueid: `${DICE_ARC}.4`,
  multiTcbInfo: `${DICE_ARC}.5`,
} as const

export const isDiceOid = (oid: string): boolean => oid.startsWith(`${DICE_ARC}.`)

/** Bits of OperationalFlags by number. */
const OPERATIONAL_FLAGS = [
  'notConfigured',
  'notSecure',
  'recovery',
  'debug',
  'notReplayProtected',
  'notIntegrityProtected',
  'notRuntimeMeasured',
  'notImmutable',
  'notTcb',
] as const

export interface Fwid {
  /** Object identifier of the digest algorithm, and its name; the identifier again when it is not known. */
  readonly hashOid: string
  readonly hash: string
  readonly digest: Uint8Array
  readonly allZero: boolean
}

export interface TcbInfo {
  readonly vendor: string | undefined
  readonly model: string | undefined
  readonly version: string | undefined
  readonly svn: bigint | undefined
  readonly layer: number | undefined
  readonly index: number | undefined
  readonly fwids: readonly Fwid[]
  /** Flags that are set, by name or as `bit <n>`; undefined when the field is absent. */
  readonly flags: readonly string[] | undefined
  readonly vendorInfo: Uint8Array | undefined
  readonly type: Uint8Array | undefined
  /** Context tags present that this reader does not interpret. */
  readonly unparsed: readonly number[]
}

export type DiceContent =
  | {readonly kind: 'tcb-info'; readonly infos: readonly TcbInfo[]}
  /** The older CompositeDeviceID: a public key and the digest of the firmware it was derived from. */
  | {readonly kind: 'composite-device-id'; readonly version: number; readonly spki: Uint8Array; readonly fwid: Fwid}
  | {readonly kind: 'ueid'; readonly ueid: Uint8Array}
  /** An extension of another purpose, which nothing here is read from. */
  | {readonly kind: 'other'}
  /** A syntax this reader does not know, and why. */
  | {readonly kind: 'not-understood'; readonly why: string}

export interface DiceExtension {
  readonly oid: string
  readonly critical: boolean
  readonly content: DiceContent
}

const WHAT = 'DICE extension'

function fwidOf(element: Der | undefined): Fwid {
  const [algorithm, digest, ...others] = childrenOf(expectTag(element, TAG.SEQUENCE, WHAT), WHAT)
  const value = contentOf(expectTag(digest, TAG.OCTET_STRING, WHAT)).slice()
  if (others.length > 0) throw malformed(WHAT, others[0]!.at, 'the end of a FWID', 'another element')
  const hashOid = oidOf(algorithm, WHAT)
  const hash = digestNamed(hashOid)
  const size = hash === undefined ? undefined : hashNamed(hash)?.size
  if (size !== undefined && value.length !== size)
    throw malformed(WHAT, digest!.at, `a digest of ${size} bytes`, `${value.length}`)
  return {hashOid, hash: hash ?? hashOid, digest: value, allZero: isZero(value)}
}

const flagNames = (element: Der): string[] =>
  bitNumbersOf(element, WHAT).map(bit => OPERATIONAL_FLAGS[bit] ?? `bit ${bit}`)

const FWIDS = contextTag(6, true)
const tagOf = (n: number): number => contextTag(n, false)

/** Security version numbers count up from 0. */
function svnOf(element: Der, what: string): bigint {
  const svn = integerOf(element, what)
  if (svn < 0n) throw malformed(what, element.at, 'a security version number', 'a negative one')
  return svn
}

/** Fields are told apart by their context tags, which ascend; an unknown one is reported, not refused. */
function tcbInfoOf(element: Der): TcbInfo {
  const fields = childrenOf(expectTag(element, TAG.SEQUENCE, WHAT), WHAT)
  const byTag = new Map(fields.map(field => [field.tag, field]))
  if (byTag.size !== fields.length) throw malformed(WHAT, element.at, 'every field once', 'a field twice')
  const known = new Set([FWIDS, ...[0, 1, 2, 3, 4, 5, 7, 8, 9].map(tagOf)])
  const field = <T>(n: number, read: (der: Der, what: string) => T): T | undefined => {
    const found = byTag.get(tagOf(n))
    return found && read(found, WHAT)
  }
  const fwids = byTag.get(FWIDS)
  return {
    vendor: field(0, utf8Of),
    model: field(1, utf8Of),
    version: field(2, utf8Of),
    svn: field(3, svnOf),
    layer: field(4, countOf),
    index: field(5, countOf),
    fwids: fwids ? childrenOf(fwids, WHAT).map(fwidOf) : [],
    flags: field(7, flagNames),
    vendorInfo: field(8, der => contentOf(der).slice()),
    type: field(9, der => contentOf(der).slice()),
    unparsed: fields.filter(({tag}) => !known.has(tag)).map(({tag}) => tag),
  }
}

const KNOWN_SYNTAX: readonly string[] = Object.values(DICE_OID)

const isContextTag = (tag: number): boolean => tag >= contextTag(0, false)

/** What a DICE extension value says. Never throws: a syntax nobody knows is `not-understood`. */
export function diceContent(oid: string, value: Uint8Array): DiceContent {
  if (!KNOWN_SYNTAX.includes(oid)) return {kind: 'other'}
  try {
    const outer = expectTag(readWhole(value, WHAT), TAG.SEQUENCE, WHAT)
    checkNesting(outer, WHAT)
    const children = childrenOf(outer, WHAT)
    const [first, second, third] = children
    if (first === undefined) throw malformed(WHAT, outer.at, 'a field', 'none')
    if (oid === DICE_OID.ueid)
      return {kind: 'ueid', ueid: contentOf(expectTag(onlyChildOf(outer, WHAT), TAG.OCTET_STRING, WHAT)).slice()}
    if (isContextTag(first.tag)) return {kind: 'tcb-info', infos: [tcbInfoOf(outer)]}
    if (first.tag === TAG.SEQUENCE) return {kind: 'tcb-info', infos: children.map(tcbInfoOf)}
    if (first.tag === TAG.INTEGER && children.length === 3)
      return {
        kind: 'composite-device-id',
        version: countOf(first, WHAT),
        spki: encodingOf(expectTag(second, TAG.SEQUENCE, WHAT)).slice(),
        fwid: fwidOf(third),
      }
    return {kind: 'not-understood', why: 'neither TcbInfo nor a composite device id'}
  } catch (error) {
    return {kind: 'not-understood', why: (error as Error).message}
  }
}
