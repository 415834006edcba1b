/** Everything sysfs and configuration space say about one function. */
import {DecodeError} from '../bits/index.js'
import {printable, printablePath, TsmctlError} from '../errors.js'
import {attributeText, type Kernel} from '../kernel/index.js'
import {readAttribute, readDecimal, readFunctionLink, readHexadecimal, readLinkName} from './attributes.js'
import {parseResources, type Resources} from './bars.js'
import {type Bdf, isBdf} from './bdf.js'
import {type ConfigSpace, readConfigSpace} from './config-space.js'
import {type DoeFeature, readDoeFeatures} from './doe-features.js'
import {deviceDirectory, DEVICES, type PciFunction, readFunction} from './functions.js'
import {attempt, type Known, known, mapKnown, type Present, thenKnown, unknown} from '../known.js'
import {readTsmAttributes, type TsmAttributes} from './tsm-attributes.js'

export interface Sriov {
  readonly totalVfs: Known<number>
  readonly numVfs: Known<number>
}

export interface FunctionFacts extends PciFunction {
  readonly revision: Present<number>
  /** Absent without an IOMMU. */
  readonly iommuGroup: Present<string>
  /** -1 when firmware does not say. */
  readonly numaNode: Present<number>
  /** `D0` … `D3cold`, `unknown`. */
  readonly powerState: Present<string>
  /** Driver that alone may bind; the kernel writes `(null)` for "any", which is undefined here. */
  readonly driverOverride: Known<string | undefined>
  /** Physical function of a VF; absent for anything else. */
  readonly physfn: Present<Bdf>
  /** VFs of a physical function, by number. */
  readonly virtfns: Known<readonly Bdf[]>
  /** Absent when the function has no SR-IOV that this kernel can use. */
  readonly sriov: Present<Sriov>
  /** Other functions with the same bus and device number, in order; ARI devices spread over several numbers. */
  readonly siblings: Known<readonly Bdf[]>
  /** Bytes of configuration space as read: 64 without privilege. */
  readonly configBytes: Known<Uint8Array>
  readonly config: Known<ConfigSpace>
  readonly resources: Known<Resources>
  readonly doeFeatures: Present<readonly DoeFeature[]>
  readonly tsm: TsmAttributes
}

/** Of a PCI Express function, PCIe r6.2 §7.2.2. */
const CONFIG_LENGTH = 4096

/** What `driver_override` reads when nothing was written to it. */
const UNSET_OVERRIDE = '(null)'

/** VFs of the function whose directory is `directory`, by number. */
export function readVirtfns(kernel: Kernel, directory: string): Known<readonly Bdf[]> {
  const numbers = attempt(directory, at => kernel.list(at).flatMap(name => /^virtfn(\d{1,5})$/.exec(name)?.[1] ?? []))
  return thenKnown(numbers, all => {
    const vfs: Bdf[] = []
    for (const n of all.map(Number).sort((a, b) => a - b)) {
      const name = readFunctionLink(kernel, `${directory}/virtfn${n}`)
      // a VF may be disabled while we look
      if (!name.present) continue
      if (!name.value.known) return name.value
      vfs.push(name.value.value)
    }
    return known(vfs)
  })
}

/** Numbers of VFs; absent when this kernel cannot make any of this function. */
export function readSriov(kernel: Kernel, directory: string): Present<Sriov> {
  const total = readDecimal(kernel, `${directory}/sriov_totalvfs`)
  if (!total.present) return total
  const num = readDecimal(kernel, `${directory}/sriov_numvfs`)
  const numVfs = num.present ? num.value : unknown(`${directory}/sriov_numvfs is missing`)
  return {present: true, value: known({totalVfs: total.value, numVfs})}
}

/** The first `length` bytes of configuration space, or as many as we may read, and what they say. */
export function readConfig(
  kernel: Kernel,
  directory: string,
  length: number = CONFIG_LENGTH,
): Pick<FunctionFacts, 'config' | 'configBytes'> {
  const path = `${directory}/config`
  const configBytes = attempt(path, at => kernel.readAt(at, 0, length))
  // as many bytes as there can be need no size to be told from fewer
  const isWhole = configBytes.known && configBytes.value.length === CONFIG_LENGTH
  const size = isWhole ? CONFIG_LENGTH : kernel.stat(path)?.size
  return {configBytes, config: mapKnown(configBytes, bytes => readConfigSpace(bytes, size))}
}

function readResources(kernel: Kernel, directory: string): Known<Resources> {
  const path = `${directory}/resource`
  return thenKnown(
    attempt(path, at => attributeText(kernel.read(at))),
    text => {
      try {
        return known(parseResources(text))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        return unknown(`${printablePath(path)}: ${error.message}`)
      }
    },
  )
}

function readSiblings(kernel: Kernel, bdf: Bdf): Known<readonly Bdf[]> {
  const slot = bdf.slice(0, bdf.lastIndexOf('.') + 1)
  return attempt(DEVICES, at => kernel.list(at).filter(name => name.startsWith(slot) && name !== bdf && isBdf(name)))
}

function readOverride(kernel: Kernel, directory: string): Known<string | undefined> {
  const text = readAttribute(kernel, `${directory}/driver_override`)
  return text.present ? mapKnown(text.value, value => (value === UNSET_OVERRIDE ? undefined : value)) : known(undefined)
}

/**
 * All facts of one function. Throws TsmctlError of kind `not-found` when there is no such function, and ErrnoError
 * EINTR on abort; what a present function does not let us read is unknown with its reason.
 */
export async function inspectFunction(kernel: Kernel, bdf: Bdf, signal?: AbortSignal): Promise<FunctionFacts> {
  const directory = deviceDirectory(bdf)
  const listed = readFunction(kernel, bdf)
  if (listed === undefined)
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `inspect ${printable(bdf)}`,
      subject: bdf,
      path: directory,
      got: 'no such PCI function',
      hint: 'tsmctl list shows the functions of this host',
    })
  return {
    ...listed,
    revision: readHexadecimal(kernel, `${directory}/revision`),
    iommuGroup: readLinkName(kernel, `${directory}/iommu_group`),
    numaNode: readDecimal(kernel, `${directory}/numa_node`),
    powerState: readAttribute(kernel, `${directory}/power_state`),
    driverOverride: readOverride(kernel, directory),
    physfn: readFunctionLink(kernel, `${directory}/physfn`),
    virtfns: readVirtfns(kernel, directory),
    sriov: readSriov(kernel, directory),
    siblings: readSiblings(kernel, bdf),
    ...readConfig(kernel, directory),
    resources: readResources(kernel, directory),
    doeFeatures: readDoeFeatures(kernel, bdf),
    tsm: await readTsmAttributes(kernel, bdf, signal),
  }
}
