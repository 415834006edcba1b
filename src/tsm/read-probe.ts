/** Reads what `classify` needs. Nothing here blocks: attributes are looked for, not read. */
import {errnoOf, TsmctlError} from '../errors.js'
import {type Kernel, PCI_TSM} from '../kernel/index.js'
import {attempt, type Known, known, mapKnown, thenKnown, unknown} from '../known.js'
import {deviceDirectory, DEVICES, isBdf, listTsms, TSM_CLASS} from '../pci/index.js'
import {classify, type Probe} from './probe.js'
import {readProvider} from './providers.js'

/** Families of the guest series; the request is empty, because only whether it is refused with ENOENT matters. */
const FAMILIES = {pciTsm: PCI_TSM.name, deviceEvidence: 'device-evidence'} as const

async function hasFamily(kernel: Kernel, family: string, signal: AbortSignal | undefined): Promise<Known<boolean>> {
  const {version, evidenceRead: command} = PCI_TSM
  try {
    await kernel.netlinkDump({family, version, command, attributes: new Uint8Array()}, signal)
    return known(true)
  } catch (error) {
    if (signal?.aborted || !(error instanceof TsmctlError)) throw error
    const errno = errnoOf(error)
    // nobody asked the kernel, now or when it was recorded
    if (errno === undefined || (errno === 'ENOENT' && error.kind === 'unsupported'))
      return unknown(error.got ?? error.message)
    // a family that refuses is a family that is there
    return known(errno !== 'ENOENT')
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
  const family = async (name: string): Promise<Known<boolean>> =>
    lock.known && lock.value ? hasFamily(kernel, name, signal) : known(false)
  return classify(
    {
      core: thenKnown(tsms, ({core}) => core),
      tsms: list,
      connect: any('connect'),
      lock,
      families: {pciTsm: await family(FAMILIES.pciTsm), deviceEvidence: await family(FAMILIES.deviceEvidence)},
    },
    list.map(tsm => readProvider(kernel, tsm)),
  )
}
