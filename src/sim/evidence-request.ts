/** Requests for evidence, refused in the order of the kernel's own checks and with its kind of explanation. */
import {DecodeError, get, mask} from '../bits/index.js'
import {describeErrno, ErrnoError, quoted} from '../errors.js'
import {
  type Attribute,
  decodeAttributes,
  DEVICE_EVIDENCE,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  stringOf,
  u32Of,
} from '../kernel/index.js'
import type {EvidenceFamily} from './evidence-families.js'

/** A refusal; the words are those of the extended acknowledgement (NLMSGERR_ATTR_MSG). */
export type RefuseRequest = (errno: string, words?: string) => ErrnoError

/** Characters of the kernel's words that are passed on, as on a real machine. */
const LONGEST_TEXT = 200

export const refuseFor =
  (family: string): RefuseRequest =>
  (errno, words) =>
    new ErrnoError(
      errno,
      'ask',
      `the generic-netlink family ${family}`,
      words === undefined ? {} : {got: `${describeErrno(errno)}, the kernel says: ${quoted(words, LONGEST_TEXT)}`},
    )

/** Bytes of the kernel's buffers for names, NUL included. */
const NAME = 32
const WORD = 4

/** Attributes of a request that are as the family's policy wants them. */
export interface Request {
  text(type: number | undefined, what: string): string
  /** Undefined when there is no such attribute. */
  word(type: number | undefined): number | undefined
  bytes(type: number): Uint8Array | undefined
}

/** Reads what generic netlink checks before the family is asked (Linux lib/nlattr.c, strict). */
export function readRequest(attributes: Uint8Array, family: EvidenceFamily, refuse: RefuseRequest): Request {
  let list: Attribute[]
  try {
    list = decodeAttributes(attributes)
  } catch (error) {
    throw error instanceof DecodeError ? refuse('EINVAL', 'attributes do not fit the message') : error
  }
  for (const {type, value} of list) {
    const limit = family.policy.get(type)
    if (limit === undefined) throw refuse('EINVAL', `no attribute of type ${type} is known`)
    if (limit === WORD && value.length !== WORD) throw refuse('EINVAL', `attribute ${type} has another length`)
    if (type === family.attribute.nonce && value.length > family.longestNonce)
      throw refuse('ERANGE', `the nonce has more than ${family.longestNonce} bytes`)
  }
  const find = (type: number | undefined): Attribute | undefined => list.findLast(one => one.type === type)
  return {
    text(type, what) {
      const found = find(type)
      if (found === undefined) throw refuse('EINVAL', `the ${what} is missing`)
      const text = stringOf(found)
      if (text.length >= NAME) throw refuse('EINVAL', `the ${what} is too long`)
      return text
    },
    word(type) {
      const found = find(type)
      return found === undefined ? undefined : u32Of(found)
    },
    bytes: type => find(type)?.value,
  }
}

export interface Query {
  readonly labels: ReadonlySet<EvidenceLabel>
  readonly digests: boolean
  readonly nonce: Uint8Array | undefined
}

/** What is asked for. */
export function readQuery(request: Request, {attribute}: EvidenceFamily, refuse: RefuseRequest): Query {
  const types = request.word(attribute.typeMask)
  const flags = request.word(attribute.flags)
  if (types === undefined) throw refuse('EINVAL', 'the mask of objects is missing')
  if (types > DEVICE_EVIDENCE.allTypes) throw refuse('EINVAL', `the mask ${types} has objects that are not known`)
  if (types === 0) throw refuse('EINVAL', 'no object is asked for')
  // only the later family can do without
  if (flags === undefined && attribute.subsystem === undefined) throw refuse('EINVAL', 'the flags are missing')
  if ((flags ?? 0) > DEVICE_EVIDENCE.digestFlag) throw refuse('EINVAL', `the flags ${flags} are not known`)
  return {
    labels: new Set(EVIDENCE_TYPES.filter((_, type) => get(mask(type, type), types) === 1)),
    digests: flags === DEVICE_EVIDENCE.digestFlag,
    nonce: request.bytes(attribute.nonce),
  }
}
