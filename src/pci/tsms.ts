/** Registered TSMs. Linux Documentation/ABI/testing/sysfs-class-tsm; `pci_mode` is of the staged guest series. */
import {errnoOf, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {readAttribute} from './attributes.js'
import {type Bdf, isBdf} from './bdf.js'
import {isGone, type Known, known, type Present, unknown} from '../known.js'
import {TSM_CLASS} from './tsm-side.js'

export interface Tsm {
  /** `tsmN`; reused by the kernel, so it names a TSM only until it goes. */
  readonly name: string
  /** Directory of the device that provides it; undefined when the class link could not be read. */
  readonly parent: string | undefined
  /** The providing device, when it is a PCI function. */
  readonly parentBdf: Bdf | undefined
  /** `link`, `devsec` or `none` where the kernel says so; absent on 7.3. */
  readonly mode: Present<string>
}

export interface Tsms {
  /**
   * False when the kernel has no TSM core: then no device has a `tsm/` directory, whatever it supports. Unknown where a
   * recording does not tell; then the list is empty and says nothing.
   */
  readonly core: Known<boolean>
  readonly list: readonly Tsm[]
}

/** `/sys/class/tsm/tsm0` → `…/<parent>/tsm/tsm0`; the `tsm` directory in between is glue. */
function parentOf(kernel: Kernel, name: string): string | undefined {
  try {
    const path = kernel.readlink(`${TSM_CLASS}/${name}`).replace(/^(?:\.\.\/)+/, '/sys/')
    const above = path.slice(0, path.lastIndexOf('/'))
    return above.endsWith('/tsm') ? above.slice(0, above.lastIndexOf('/')) : above
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return undefined
  }
}

function readTsm(kernel: Kernel, name: string): Tsm {
  const parent = parentOf(kernel, name)
  const last = parent?.slice(parent.lastIndexOf('/') + 1)
  return {
    name,
    parent,
    parentBdf: last !== undefined && isBdf(last) ? last : undefined,
    mode: readAttribute(kernel, `${TSM_CLASS}/${name}/pci_mode`),
  }
}

/** A recording that does not hold it; a kernel refuses with other kinds. */
const isUntold = (error: unknown): error is TsmctlError => error instanceof TsmctlError && error.kind === 'unsupported'

/** Registered TSMs, by number. Throws ErrnoError when the class exists and cannot be listed. */
export function listTsms(kernel: Kernel): Tsms {
  let names: readonly string[]
  try {
    names = kernel.list(TSM_CLASS)
  } catch (error) {
    if (isGone(error)) return {core: known(false), list: []}
    if (isUntold(error)) return {core: unknown(error.got ?? error.message), list: []}
    throw error
  }
  const numbers = names.flatMap(name => /^tsm(\d{1,9})$/.exec(name)?.[1] ?? [])
  return {
    core: known(true),
    list: numbers
      .map(Number)
      .sort((a, b) => a - b)
      .map(n => readTsm(kernel, `tsm${n}`)),
  }
}
