/** The kernels the lane knows, by series: which suite of Debian has them, and what can be tested on them. */

export interface KernelSeries {
  readonly series: string
  /** Debian suite that has it. */
  readonly suite: string
  /** Whether it has a PCI/TSM core, for which the test modules are built. */
  readonly hasTsm: boolean
  /** Directories of `specs/`, each run in a machine of its own. */
  readonly specs: readonly string[]
}

export const KERNELS: readonly KernelSeries[] = [
  {series: '7.3', suite: 'trixie-backports', hasTsm: true, specs: ['host', 'guest']},
  {series: '7.2', suite: 'trixie-backports', hasTsm: true, specs: ['host', 'guest']},
  {series: '6.12', suite: 'trixie', hasTsm: false, specs: ['without']},
]
