/** GET_VERSION to ALGORITHMS (DSP0274 1.3 §10.3 to §10.5). */
import {concat, DecodeError} from '../../bits/index.js'
import {
  algorithmProblems,
  capabilityProblems,
  chooseVersion,
  type Connection,
  connectionOf,
  parseVca,
  type VcaFacts,
} from '../negotiation/index.js'
import {loadCrypto, unsupportedExchange, unsupportedReason} from '../crypto/index.js'
import {ALGORITHMS, CAPABILITIES, GET_VERSION, SPDM_ERROR_CODE, VERSION} from '../messages/index.js'
import {versionText} from '../version.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import {RequesterError} from './failure.js'
import type {Link} from './link.js'
import {algorithmsRequest, capabilitiesRequest} from './offer.js'

const WHAT = 'negotiate an SPDM connection'
/** Times a responder may ask to start again. */
const MOST_RESTARTS = 2

type Capabilities = ReturnType<typeof CAPABILITIES.decode>

const listed = (versions: readonly number[]): string => [...new Set(versions)].map(versionText).join(', ') || 'none'

/** The highest version of ours among the responder's: update and alpha do not count. */
async function agreeOnVersion(link: Link, budget: Budget, sent: Uint8Array[]): Promise<void> {
  link.restart()
  const request = GET_VERSION.encode({spdmVersion: 0x10})
  const {value, bytes} = await exchange(link, budget, {
    request: 'GET_VERSION',
    message: request,
    response: VERSION,
    attempted: WHAT,
  })
  const theirs = value.versionNumberEntries.map(({majorVersion, minorVersion}) => majorVersion * 16 + minorVersion)
  const {versions} = link.settings.offer
  const version = chooseVersion(theirs, versions)
  if (version === undefined) {
    throw link.failure(WHAT, 'version', `the responder has ${listed(theirs)}, we offer ${listed(versions)}`, {
      kind: 'unsupported',
    })
  }
  link.version = version
  link.phase = 'version'
  sent.push(request, bytes)
}

async function learnCapabilities(link: Link, budget: Budget, sent: Uint8Array[]): Promise<Capabilities> {
  const request = capabilitiesRequest(link.settings.offer, link.version)
  const {value, bytes} = await exchange(link, budget, {
    request: 'GET_CAPABILITIES',
    message: request,
    response: CAPABILITIES,
    attempted: WHAT,
  })
  const refuse = (got: string): never => {
    throw link.failure(WHAT, 'capabilities', got)
  }
  const [problem] = capabilityProblems(link.version, 'responder', {
    flags: value.flags,
    ctExponent: value.ctExponent,
    dataTransferSize: value.dataTransferSize,
    maxSpdmMsgSize: value.maxSpdmMsgSize,
  })
  if (problem !== undefined) refuse(problem)
  link.cryptoTime = 2 ** value.ctExponent / 1000
  if (link.version >= 0x12)
    link.responderSizes = {
      transfer: value.dataTransferSize!,
      message: value.maxSpdmMsgSize!,
      chunks: value.flags.chunkCap && link.settings.offer.flags.chunkCap === true,
    }
  link.phase = 'capabilities'
  sent.push(request, bytes)
  return value
}

/** MULTI_KEY_CAP: the responder has several keys anyway, or when we say so. */
const ONLY = 1
const NEGOTIABLE = 2

async function agreeOnAlgorithms(link: Link, budget: Budget, sent: Uint8Array[], {flags}: Capabilities) {
  const {offer} = link.settings
  const multiKey = flags.multiKeyCap === ONLY || (flags.multiKeyCap === NEGOTIABLE && offer.multiKey)
  const request = algorithmsRequest(offer, link.version, {multiKey})
  const {bytes} = await exchange(link, budget, {
    request: 'NEGOTIATE_ALGORITHMS',
    message: request,
    response: ALGORITHMS,
    attempted: WHAT,
  }).catch((error: unknown) => {
    if (!(error instanceof RequesterError) || error.errorCode !== SPDM_ERROR_CODE.InvalidRequest) throw error
    throw link.failure(WHAT, error.reason, error.got ?? error.message, {
      errorCode: error.errorCode,
      kind: 'unsupported',
      hint: 'It may have no algorithm in common with us: SM2, SM3 and SM4 cannot be computed here.',
      cause: error,
    })
  })
  sent.push(request, bytes)
}

/** Why we cannot go on with what was selected, or undefined. */
function unsupported({version, hash, asym, exchange: keys}: Connection): string | undefined {
  const signature = hash && asym && unsupportedReason({version, hash, asym})
  return signature ?? (keys && unsupportedExchange(keys))
}

async function attempt(link: Link, budget: Budget): Promise<VcaFacts> {
  const sent: Uint8Array[] = []
  await agreeOnVersion(link, budget, sent)
  const capabilities = await learnCapabilities(link, budget, sent)
  await agreeOnAlgorithms(link, budget, sent, capabilities)
  try {
    return parseVca(concat(...sent))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw link.failure(WHAT, 'algorithms', error.message, {cause: error})
  }
}

/** Negotiates afresh; a responder may ask to begin again, but not for ever. Throws RequesterError. */
export async function negotiate(link: Link, budget: Budget): Promise<Connection> {
  for (let restarts = 0; ; restarts++)
    try {
      const facts = await attempt(link, budget)
      const [problem] = algorithmProblems(facts)
      if (problem !== undefined) throw link.failure(WHAT, 'algorithms', problem)
      const connection = connectionOf(facts)
      await loadCrypto(connection.asym, connection.exchange)
      const got = unsupported(connection)
      if (got !== undefined)
        throw link.failure(WHAT, 'algorithms', got, {kind: 'unsupported', hint: 'offer other algorithms'})
      link.establish(connection)
      return connection
    } catch (error) {
      const isResynch = error instanceof RequesterError && error.reason === 'resynch'
      if (!isResynch || restarts === MOST_RESTARTS) throw error
    }
}
