/** Filled in with the appraisal room. */
import type {Kernel} from '../kernel/index.js'

export function recordAudit(_kernel: Kernel, _event: string, _facts: object): void {
  // stub until the appraisal room lands
}
export const isAuditDurable = (_kernel: Kernel): boolean => true
export const requireAudit = (_kernel: Kernel): void => undefined
