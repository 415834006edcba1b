/** `forget`: gives up a pin. The next time its device is one of first use. */
import type {Pin} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {choosePin} from './choose-pin.js'
import {readPin, removePin} from './pin-store.js'
import {recordAudit} from './record-audit.js'

export interface Forgotten {
  readonly pinId: string
  /** Null for a pin that was damaged. */
  readonly san: string | null
  readonly bdf: string | null
  readonly damaged: boolean
}

function readable(kernel: Kernel, pinId: string): Pin | undefined {
  try {
    return readPin(kernel.state, pinId)
  } catch (error) {
    // giving it up is the way out of a damaged one
    if (error instanceof TsmctlError && error.kind === 'malformed') return undefined
    throw error
  }
}

/** Recorded before it is removed: nobody forgets unseen. */
export async function forget(kernel: Kernel, given: string): Promise<Forgotten> {
  const pinId = choosePin(kernel, given)
  const pin = readable(kernel, pinId)
  const result = {pinId, san: pin?.san ?? null, bdf: pin?.bdf ?? null, damaged: pin === undefined}
  recordAudit(kernel, 'forgotten', {bdf: result.bdf, result: {pinId, san: result.san}})
  await removePin(kernel, pinId)
  return result
}
