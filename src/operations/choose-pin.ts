/** Which pin is meant: by its id, the beginning of it, or the place where its device was last accepted. */
import type {Pin} from '../appraisal/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {shortDigest} from '../evidence/index.js'
import type {Kernel} from '../kernel/index.js'
import {pinIds, readPin} from './pin-store.js'

export interface DamagedPin {
  readonly pinId: string
  readonly message: string
}

/** All pins; those that cannot be used are told apart, not left out. */
export function listPins({state}: Kernel): {readonly pins: readonly Pin[]; readonly damaged: readonly DamagedPin[]} {
  const pins: Pin[] = []
  const damaged: DamagedPin[] = []
  for (const pinId of pinIds(state)) {
    try {
      const pin = readPin(state, pinId)
      if (pin !== undefined) pins.push(pin)
    } catch (error) {
      if (!(error instanceof TsmctlError) || error.kind !== 'malformed') throw error
      damaged.push({pinId, message: error.got ?? error.message})
    }
  }
  return {pins, damaged}
}

const SHORTEST = 8
const ID = /^(?:sha384:)?([0-9a-f]+)$/

const isBdf = (given: string): boolean => /^([0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/i.test(given)

/** Full id of the pin that `given` names. Throws TsmctlError where that is none, or not one alone. */
export function choosePin(kernel: Kernel, given: string): string {
  const candidates = isBdf(given) ? atPlace(kernel, given.toLowerCase()) : beginningWith(kernel, given)
  const [only, ...others] = candidates
  if (only !== undefined && others.length === 0) return only
  throw new TsmctlError({
    kind: only === undefined ? 'not-found' : 'usage',
    attempted: `choose pin ${quoted(given, 110)}`,
    got:
      only === undefined
        ? 'no pin of this machine has that id or place'
        : `it can be ${candidates.length} pins: ${candidates.map(shortDigest).join(', ')}`,
    hint: 'tsmctl pins lists them.',
  })
}

function atPlace(kernel: Kernel, bdf: string): readonly string[] {
  const full = bdf.split(':').length === 2 ? `0000:${bdf}` : bdf
  return listPins(kernel).pins.flatMap(pin => (pin.bdf === full ? [pin.pinId] : []))
}

function beginningWith({state}: Kernel, given: string): readonly string[] {
  const [, hex = ''] = ID.exec(given) ?? []
  return hex.length < SHORTEST ? [] : pinIds(state).filter(id => id.startsWith(`sha384:${hex}`))
}
