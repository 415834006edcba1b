/** A person's no: recorded with the evidence it was said about, then the device is given back unlocked. */
import type {Appraisal} from '../appraisal/index.js'
import type {Kernel} from '../kernel/index.js'
import {keptBundle} from './collect.js'
import {recordAudit} from './record-audit.js'
import {exclusively, type TransitionOptions, type TransitionResult} from './transition.js'
import {unlockHeld} from './unlock.js'

export interface RejectOptions extends TransitionOptions {
  /** What was reviewed; a device may also be turned away unseen. */
  readonly appraisal?: Appraisal | undefined
}

export const reject = (kernel: Kernel, bdf: string, options: RejectOptions = {}): Promise<TransitionResult> =>
  exclusively(kernel, bdf, () => {
    const {appraisal} = options
    const bundle = appraisal === undefined ? undefined : keptBundle(kernel, appraisal.D)
    recordAudit(kernel, 'rejected', {bdf, bundle, appraisal, result: {reason: 'rejected by a person'}})
    return unlockHeld(kernel, bdf, {...options, rebind: true})
  })
