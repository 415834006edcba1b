/** Filled in with the appraisal room. */
import type {Kernel} from '../kernel/index.js'

export function burnNonce(_kernel: Kernel, _nonce: string): void {
  // stub until the appraisal room lands
}
