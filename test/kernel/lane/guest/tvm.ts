/** The confidential guest of `tsmtest_tvm`: reports, measurement registers and TDREPORT, in a module of their own. */
import {readdirSync, rmdirSync} from 'node:fs'
import {insmod, isLoaded, rmmod} from './machine.js'

export const TVM = 'tsmtest_tvm'
export const REPORTS = '/sys/kernel/config/tsm/report'

/** Removes all reports and their provider. */
export function withdraw(): void {
  for (const name of readdirSync(REPORTS)) rmdirSync(`${REPORTS}/${name}`)
  if (isLoaded(TVM)) rmmod(TVM)
}

/** A guest as new, with these parameters of the module. */
export function provide(parameters: Parameters<typeof insmod>[1] = {}): void {
  withdraw()
  insmod(TVM, parameters)
}
