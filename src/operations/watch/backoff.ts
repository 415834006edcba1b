/** When to try again: exponentially later, with a random part so that machines that failed together do not return together. */
const FIRST = 1000
const LATEST = 300_000

const WORD = 2 ** 32

/**
 * Milliseconds before attempt `failures` + 1: between one half and all of 1 s · 2^(failures-1), at most five minutes.
 * `random` are four bytes of the CSPRNG.
 */
export function backoff(failures: number, random: Uint8Array): number {
  const whole = Math.min(LATEST, FIRST * 2 ** Math.min(failures - 1, 30))
  const part = new DataView(random.buffer, random.byteOffset, 4).getUint32(0, true) / WORD
  return Math.ceil(whole / 2 + (part * whole) / 2)
}
