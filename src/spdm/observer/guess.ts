/**
 * Contexts to try for a message whose connection nobody saw: every size the specification's tables have. A message fits
 * a context when it ends where the context says.
 */
import {BASE_ASYM, BASE_HASH, DHE_GROUP, KEM, PQC_ASYM} from '../algorithms.js'
import type {MessageContext, SpdmMessageName} from '../messages/index.js'

const sizes = (...given: readonly number[]): readonly number[] => [...new Set(given)]
const FLAG = [0, 1] as const
const HASH_SIZES = sizes(48, ...BASE_HASH.map(({size}) => size))
const SIGNATURE_SIZES = sizes(96, 64, ...[...BASE_ASYM, ...PQC_ASYM].map(({signatureSize}) => signatureSize))
const EXCHANGES = [...DHE_GROUP, ...KEM]

const CHOICES = {
  hashSize: HASH_SIZES,
  signatureSize: SIGNATURE_SIZES,
  optionalSignature: [0, ...SIGNATURE_SIZES],
  requesterSignatureSize: SIGNATURE_SIZES,
  exchangeSize: sizes(...EXCHANGES.map(({requestSize}) => requestSize)),
  responseExchangeSize: sizes(...EXCHANGES.map(({responseSize}) => responseSize)),
  summary: FLAG,
  clearHandshake: FLAG,
  multiKey: FLAG,
} as const

type Choice = keyof typeof CHOICES

/** What the extent of each message depends on. */
const DEPENDS: Partial<Record<SpdmMessageName, readonly Choice[]>> = {
  DIGESTS: ['multiKey', 'hashSize'],
  CHALLENGE_AUTH: ['hashSize', 'signatureSize', 'summary'],
  MEASUREMENTS: ['optionalSignature'],
  ENDPOINT_INFO: ['optionalSignature'],
  KEY_EXCHANGE: ['exchangeSize'],
  KEY_EXCHANGE_RSP: ['responseExchangeSize', 'hashSize', 'signatureSize', 'summary', 'clearHandshake'],
  FINISH: ['hashSize', 'requesterSignatureSize'],
  FINISH_RSP: ['hashSize', 'clearHandshake'],
  PSK_EXCHANGE_RSP: ['hashSize', 'summary'],
  PSK_FINISH: ['hashSize'],
}

/** Does the extent of this message depend on what was negotiated or asked? */
export const needsContext = (name: SpdmMessageName): boolean => DEPENDS[name] !== undefined

/** Every context worth trying for `name`; what `given` says is not varied. */
export function guesses(name: SpdmMessageName, given: MessageContext): MessageContext[] {
  const vary = DEPENDS[name] ?? []
  return vary.reduce<MessageContext[]>(
    (all, choice) => {
      const key = choice === 'optionalSignature' ? 'signatureSize' : choice
      if (given[key] !== undefined) return all
      return all.flatMap(context => CHOICES[choice].map(value => ({...context, [key]: value})))
    },
    [given],
  )
}
