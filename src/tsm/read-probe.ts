/** Reads what `classify` needs. Nothing here blocks: attributes are looked for, not read. */
import {errnoOf, TsmctlError} from '../errors.js'
import {DEVICE_EVIDENCE, type Kernel, type NetlinkFamily, PCI_TSM} from '../kernel/index.js'
import {attempt, type Known, known, mapKnown, thenKnown, unknown} from '../known.js'
import {deviceDirectory, DEVICES, isBdf, listTsms, TSM_CLASS} from '../pci/index.js'
import {classify, type Probe} from './probe.js'
import {readProvider} from './providers.js'

/** The family called `name`, null where the kernel has none. */
async function familyCalled(kernel: Kernel, name: string, signal?: AbortSignal): Promise<Known<NetlinkFamily | null>> {
  try {
    return known(await kernel.netlinkFamily(name, signal))
  } catch (error) {
    if (signal?.aborted || !(error instanceof TsmctlError)) throw error
    // ENOENT of kind `unsupported`: nobody asked the kernel, now or when it was recorded
    if (errnoOf(error) === 'ENOENT' && error.kind !== 'unsupported') return known(null)
    return unknown(error.got ?? error.message)
  }
}

/** Probes the machine. Throws ErrnoError EINTR on abort. */
export async function probe(kernel: Kernel, signal?: AbortSignal): Promise<Probe> {
  const tsms = attempt(TSM_CLASS, () => listTsms(kernel))
  const list = tsms.known ? tsms.value.list : []
  const functions = attempt(DEVICES, at => kernel.list(at).filter(isBdf))
  const any = (name: string): Known<boolean> =>
    mapKnown(functions, all => all.some(bdf => kernel.stat(`${deviceDirectory(bdf)}/tsm/${name}`) !== undefined))
  const lock = any('lock')
  const family = async (name: string): Promise<Known<NetlinkFamily | null>> =>
    lock.known && lock.value ? familyCalled(kernel, name, signal) : known(null)
  return classify(
    {
      core: thenKnown(tsms, ({core}) => core),
      tsms: list,
      connect: any('connect'),
      lock,
      families: {pciTsm: await family(PCI_TSM.name), deviceEvidence: await family(DEVICE_EVIDENCE.name)},
    },
    list.map(tsm => readProvider(kernel, tsm)),
  )
}
