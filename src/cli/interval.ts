/** A time as people write it: `500ms`, `2s`, `1m`; a number alone is seconds. */
import {quoted, TsmctlError} from '../errors.js'

const UNITS: Readonly<Record<string, number>> = {ms: 1, s: 1000, m: 60_000, h: 3_600_000}
const LEAST = 100
const MOST = 3_600_000

/** Milliseconds, 100 to an hour. Throws TsmctlError `usage`. */
export function parseInterval(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text) ?? []
  const milliseconds = Math.round(Number(number) * (UNITS[unit] ?? Number.NaN))
  if (milliseconds >= LEAST && milliseconds <= MOST) return milliseconds
  throw new TsmctlError({
    kind: 'usage',
    attempted: `use the interval ${quoted(text, 40)}`,
    got: Number.isNaN(milliseconds) ? 'not a time such as 500ms, 2s or 1m' : 'not between 100ms and 1h',
  })
}
