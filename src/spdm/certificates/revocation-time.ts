/** How old a statement about revocation is, by the clock that there is. */

export interface RevocationTimes {
  readonly now: Date
  /** Somebody vouches for `now`. */
  readonly clockTrusted: boolean
  /** A moment that has certainly passed. */
  readonly floor: Date
  /** Oldest statement that counts; without it only the statement itself says how long it holds. */
  readonly maxAgeHours?: number | undefined
}

const HOUR = 60 * 60 * 1000
const day = (date: Date): string => date.toISOString().slice(0, 16)

export type Freshness =
  | {readonly kind: 'fresh'}
  /** Nothing speaks against it but that nobody vouches for the clock. */
  | {readonly kind: 'undated'}
  | {readonly kind: 'unknown'; readonly code: 'stale' | 'not-yet'; readonly why: string}

const stale = (why: string): Freshness => ({kind: 'unknown', code: 'stale', why})

export function freshnessOf(
  thisUpdate: Date,
  nextUpdate: Date | undefined,
  {now, clockTrusted, floor, maxAgeHours}: RevocationTimes,
): Freshness {
  const moment = clockTrusted ? now : floor
  if (nextUpdate !== undefined && nextUpdate <= moment) return stale(`it was due for renewal at ${day(nextUpdate)}`)
  if (maxAgeHours !== undefined && thisUpdate.getTime() + maxAgeHours * HOUR < moment.getTime())
    return stale(`it is from ${day(thisUpdate)}, and at most ${maxAgeHours} hours old ones count`)
  if (nextUpdate === undefined && maxAgeHours === undefined)
    return stale('it does not say how long it holds, and the rule names no revocation.maxAgeHours')
  if (!clockTrusted) return {kind: 'undated'}
  return thisUpdate > now
    ? {kind: 'unknown', code: 'not-yet', why: `it is from ${day(thisUpdate)}, which is still to come`}
    : {kind: 'fresh'}
}

/** Has the certificate's time begun, and not ended, as far as that can be told? */
export const isInForce = (
  {notBefore, notAfter}: {readonly notBefore: Date; readonly notAfter: Date},
  {now, clockTrusted, floor}: RevocationTimes,
): boolean => (clockTrusted ? notBefore <= now && now <= notAfter : floor <= notAfter)
