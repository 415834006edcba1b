/** DIGESTS and certificate chains: who the responder says it is (DSP0274 1.3 §10.6, §10.7). */
import {DecodeError, equal, join} from '../../bits/index.js'
import {bitsOf} from '../algorithms.js'
import {
  type CertificateFacts,
  type CertificateModel,
  certificateModel,
  type ChainFacts,
  digestProblems,
  isSelfSigned,
  keyFits,
  loadCertificateReader,
  parseCertificateChain,
  type SlotFacts,
  slotsOf,
} from '../certificates/index.js'
import {digestOf} from '../crypto/index.js'
import {CERTIFICATE, DIGESTS, GET_CERTIFICATE, GET_DIGESTS, SPDM_ERROR_CODE} from '../messages/index.js'
import {contextOf} from '../negotiation/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import {RequesterError} from './failure.js'
import type {Link} from './link.js'

/** In a multi-key connection a slot may have a key and no certificate yet. */
export const hasCertificate = ({model}: SlotFacts): boolean => model !== 'none'

export interface DigestsFacts {
  /** Provisioned slots, ascending. */
  readonly slots: readonly SlotFacts[]
  /** Slots that exist, provisioned or not, since 1.3. */
  readonly supportedSlots: readonly number[] | undefined
}

/** A chain as the responder serves it. Whether its root is trusted is not decided here. */
export interface ChainOfSlot extends ChainFacts {
  readonly slot: number
  /** Digest of the chain object under the base hash, equal to the slot's entry in DIGESTS. */
  readonly digest: Uint8Array
  readonly leaf: CertificateFacts
  /** In a multi-key connection, that of CertificateInfo. */
  readonly model: CertificateModel | undefined
}

/** Bytes of a chain object that are read at most. */
const MAX_CHAIN_SIZE = 0x40000
const MAX_SLOT = 7

const READING = 'read the digests of certificate chains'

/** GET_DIGESTS. Throws RequesterError. */
export async function digests(link: Link, budget: Budget, session?: SecureSession): Promise<DigestsFacts> {
  const {version} = link.agreed
  const message = GET_DIGESTS.encode({spdmVersion: version}, {version})
  const {value, bytes} = await exchange(link, budget, {
    request: 'GET_DIGESTS',
    message,
    response: DIGESTS,
    attempted: READING,
    session,
  })
  const [problem] = digestProblems(value)
  if (problem !== undefined) throw link.failure(READING, 'digest', problem)
  link.notes.identity(message, bytes, session?.id ?? 'clear')
  if (session === undefined) link.notes.digests(bytes)
  return {slots: slotsOf(value), supportedSlots: version >= 0x13 ? bitsOf(value.supportedSlotMask) : undefined}
}

interface Portion {
  readonly bytes: Uint8Array
  readonly remainder: number
  readonly info: number
}

interface Place {
  readonly slot: number
  readonly offset: number
  /** 32-bit offsets and lengths. */
  readonly isLarge: boolean
}

const LENGTH_16 = 0xffff
/** Bytes of CERTIFICATE in front of the portion. */
const LARGE_HEAD = 16

async function portion(
  link: Link,
  budget: Budget,
  {slot, offset, isLarge}: Place,
  attempted: string,
  session: SecureSession | undefined,
): Promise<Portion> {
  const {version, requester, responder} = link.agreed
  const sizes = link.settings.offer
  const hasChunks = requester?.flags.chunkCap === true && responder.flags.chunkCap
  const most = version < 0x12 || hasChunks ? Infinity : sizes.dataTransferSize
  const wanted = isLarge ? sizes.maxSpdmMsgSize - LARGE_HEAD : Math.min(LENGTH_16, most - CERTIFICATE.headSize)
  const message = GET_CERTIFICATE.encode(
    {
      spdmVersion: version,
      slotId: slot,
      largeCertChain: isLarge,
      ...(isLarge ? {largeOffset: offset, largeLength: wanted} : {offset, length: wanted}),
    },
    {version},
  )
  const {value, bytes} = await exchange(link, budget, {
    request: 'GET_CERTIFICATE',
    message,
    response: CERTIFICATE,
    attempted,
    session,
  })
  if (value.slotId !== slot)
    throw link.failure(attempted, 'echo', `slot ${slot} was asked for, slot ${value.slotId} answered`)
  if (value.largeCertChain !== isLarge)
    throw link.failure(attempted, 'certificate', 'the other form of CERTIFICATE came')
  link.notes.identity(message, bytes, session?.id ?? 'clear')
  return {
    bytes: value.certChain,
    remainder: (isLarge ? value.largeRemainderLength : value.remainderLength) ?? 0,
    info: value.certificateInfo,
  }
}

/** The bytes of a slot's chain object, portion by portion. */
async function fetchChain(
  link: Link,
  budget: Budget,
  {slot, isLarge, attempted}: {slot: number; isLarge: boolean; attempted: string},
  session: SecureSession | undefined,
): Promise<{bytes: Uint8Array; info: number}> {
  const parts: Uint8Array[] = []
  let size = 0
  let total: number | undefined
  let info: number | undefined
  const refuse = (got: string): never => {
    throw link.failure(attempted, 'certificate', got)
  }
  for (;;) {
    const next = await portion(link, budget, {slot, offset: size, isLarge}, attempted, session)
    if (next.bytes.length === 0) refuse(size === 0 && next.remainder === 0 ? 'the chain is empty' : 'an empty portion')
    size += next.bytes.length
    total ??= size + next.remainder
    info ??= next.info
    if (total > MAX_CHAIN_SIZE) refuse(`a chain of ${total} bytes, at most ${MAX_CHAIN_SIZE} are read`)
    if (size + next.remainder !== total) refuse(`a chain of ${total} bytes has become one of ${size + next.remainder}`)
    if (next.info !== info) refuse('the certificate model changes between portions')
    parts.push(next.bytes)
    if (next.remainder === 0) return {bytes: join(parts), info}
    if (size > LENGTH_16 && !isLarge) refuse('a chain beyond what 16-bit offsets reach')
  }
}

/** May and must we use the 32-bit form? Since 1.4, when both sides handle large responses. */
function hasLargeForm(link: Link): boolean {
  const {version, requester, responder} = link.agreed
  return version >= 0x14 && requester?.flags.largeRespCap === true && responder.flags.largeRespCap
}

/** DataTooLarge tells us to use the 32-bit form although nobody announced it. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof RequesterError && error.errorCode === SPDM_ERROR_CODE.DataTooLarge

/**
 * The certificate chain of a slot that `facts` lists: complete, with the digest that DIGESTS stated, and a leaf key of the
 * negotiated kind. Throws RequesterError.
 */
export async function certificate(
  link: Link,
  budget: Budget,
  facts: DigestsFacts,
  slot: number,
  session?: SecureSession,
): Promise<ChainOfSlot> {
  const attempted = `read the certificate chain of slot ${slot}`
  const {version, hash, asym, multiKey} = link.agreed
  const provisioned = facts.slots.filter(hasCertificate)
  const entry = provisioned.find(one => one.slot === slot)
  if (entry === undefined || slot > MAX_SLOT)
    throw link.failure(attempted, 'refused', 'the slot has no certificate chain', {
      kind: 'not-found',
      hint: `slots with one: ${provisioned.map(one => one.slot).join(', ')}`,
      harmless: true,
    })
  const fetchAs = (isLarge: boolean) => fetchChain(link, budget, {slot, isLarge, attempted}, session)
  const whole = await fetchAs(hasLargeForm(link)).catch((error: unknown) => {
    if (version < 0x14 || !isTooLarge(error)) throw error
    return fetchAs(true)
  })
  const refuse = (got: string, cause?: unknown): never => {
    throw link.failure(attempted, 'certificate', got, {cause})
  }
  if (!multiKey && whole.info !== 0) refuse('a certificate model outside a multi-key connection')
  const model = multiKey ? certificateModel(whole.info) : undefined
  if (model !== entry.model) refuse(`DIGESTS says ${entry.model} certificate, CERTIFICATE says ${model}`)
  const digest = digestOf(hash!, whole.bytes)
  if (!equal(digest, entry.digest))
    throw link.failure(attempted, 'digest', 'the chain is not the one whose digest DIGESTS states')
  const {certificateFacts} = await loadCertificateReader()
  const read = (): {chain: ChainFacts; leaf: CertificateFacts; first: CertificateFacts} => {
    try {
      const chain = parseCertificateChain(whole.bytes, contextOf(link.agreed).hashSize!)
      const first = certificateFacts(chain.certificates[0]!.der)
      return {chain, first, leaf: certificateFacts(chain.certificates.at(-1)!.der)}
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return refuse(error.message, error)
    }
  }
  const {chain, leaf, first} = read()
  if (isSelfSigned(first) && !equal(digestOf(hash!, first.der), chain.rootHash))
    refuse('the root certificate is not the one whose digest the chain states')
  if (asym !== undefined && !keyFits(leaf.key, asym) && leaf.key.type !== 'unknown')
    refuse(`the leaf key is not one for ${asym.name}`)
  return {...chain, slot, digest, leaf, model}
}
