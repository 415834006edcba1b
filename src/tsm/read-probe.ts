/** Reads what `classify` needs. Nothing here blocks: attributes are looked for, not read. */
import {errnoOf, TsmctlError} from '../errors.js'
import {DEVICE_EVIDENCE, type Kernel, type NetlinkFamily, PCI_TSM} from '../kernel/index.js'
import {attempt, type Known, known, mapKnown, thenKnown, unknown} from '../known.js'
import {deviceDirectory, DEVICES, isBdf, listTsms, TSM_CLASS} from '../pci/index.js'
import {classify, NO_CORE, NO_PROVIDER, type Probe, type Words} from './probe.js'
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

/** Why no function of this machine can show TSM attributes, and what to do about it; null where one may. */
export function withoutTsm(kernel: Kernel): Words | null {
  const tsms = attempt(TSM_CLASS, () => listTsms(kernel))
  if (!tsms.known || !tsms.value.core.known) return null
  if (!tsms.value.core.value) return NO_CORE
  return tsms.value.list.length === 0 ? NO_PROVIDER : null
}
