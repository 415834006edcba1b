/** Validity periods under the three readings of time that policies offer. */
import type {CertificateFacts} from './certificate-facts.js'

/**
 * `strict`: every certificate is valid now. `device`: no expiry is accepted as such, and the leaf, which a device may
 * make without a clock, may start before this tool was built. `floor-only`: nothing has expired before the latest
 * moment that is known to have passed.
 */
export type ValidityMode = 'strict' | 'device' | 'floor-only'

export interface ValidityTimes {
  readonly now: Date
  /** When this tool was built. */
  readonly built: Date
  /** Earliest time the policy believes in. */
  readonly floor?: Date | undefined
  /** The anchor, when the chain starts below it: leaving it out does not make it last longer. */
  readonly above?: CertificateFacts | undefined
}

export interface ValidityProblem {
  readonly certificate: number
  readonly kind: 'not-yet' | 'expired'
  readonly message: string
}

const day = (date: Date): string => date.toISOString().slice(0, 10)

/** Violations of certificates in `chain`, root first. */
export function validityProblems(
  chain: readonly CertificateFacts[],
  mode: ValidityMode,
  times: ValidityTimes,
): ValidityProblem[] {
  const {now, built, floor, above} = times
  if (above !== undefined)
    return validityProblems([above, ...chain], mode, {...times, above: undefined}).map(
      ({certificate, kind, message}) =>
        certificate === 0
          ? {certificate, kind, message: `of the anchor above it: ${message}`}
          : {certificate: certificate - 1, kind, message},
    )
  const latest = new Date(Math.max(built.getTime(), floor?.getTime() ?? 0))
  return chain.flatMap(({notBefore, notAfter, noExpiry}, certificate): ValidityProblem[] => {
    const isLeaf = certificate === chain.length - 1
    const moment = mode === 'floor-only' ? latest : now
    const found: ValidityProblem[] = []
    const startCounts = mode === 'strict' || (mode === 'device' && !(isLeaf && notBefore < built))
    if (startCounts && notBefore > moment)
      found.push({certificate, kind: 'not-yet', message: `not valid before ${day(notBefore)}`})
    const isOpenEnded = noExpiry && mode !== 'strict'
    if (!isOpenEnded && notAfter < moment)
      found.push({certificate, kind: 'expired', message: `not valid after ${day(notAfter)}`})
    return found
  })
}
