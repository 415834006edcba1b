/** The kernels the lane knows, by series: which suite of Debian has them, and what can be tested on them. */
import {LaneFailure} from './failure.js'

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

/** The kernels a user asks for: one series, `all`, or the first. */
export function chosenKernels(series: string | undefined): readonly KernelSeries[] {
  if (series === undefined) return KERNELS.slice(0, 1)
  if (series === 'all') return KERNELS
  const found = KERNELS.filter(kernel => kernel.series === series)
  if (found.length > 0) return found
  throw new LaneFailure(
    `test on kernel ${series}`,
    `the lane knows ${KERNELS.map(kernel => kernel.series).join(', ')} and all`,
  )
}

const versionOrder = (a: string, b: string): number => a.localeCompare(b, 'en', {numeric: true})

/** The newest release of a series, of the names of all packages of Linux; undefined when there is none. */
export function newestRelease(packages: readonly string[], {series}: KernelSeries): string | undefined {
  const pattern = new RegExp(
    `^linux-(?:binary-unsigned|image)-(${series.replace('.', '\\.')}\\.\\d+\\+deb\\d+-amd64)(?:-unsigned)?$`,
  )
  return packages
    .flatMap(name => pattern.exec(name)?.[1] ?? [])
    .sort(versionOrder)
    .at(-1)
}

/** The packages of a release: the kernel, its modules, and what modules are built with. */
export function packagesOf(release: string, {hasTsm}: KernelSeries): readonly string[] {
  if (!hasTsm) return [`linux-image-${release}-unsigned`]
  const version = release.replace(/-amd64$/, '')
  return [
    `linux-binary-unsigned-${release}`,
    `linux-modules-${release}`,
    `linux-headers-${release}`,
    `linux-headers-${version}-common`,
    `linux-kbuild-${version}`,
  ]
}
