/** Everything `doctor` looks at, read in one place, so that a recording of it gives the same diagnosis. */
import {readHostFacts, type DiagnosedDevice, diagnosedMachine, type DiagnosedMachine} from '../doctor/index.js'
import {accountOf, type Fabric} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {isGone, mapKnown, thenKnown} from '../known.js'
import {
  deviceDirectory,
  readConfig,
  readDoeFeatures,
  readFunction,
  readLinkName,
  readTsmAttributes,
} from '../pci/index.js'
import {probe} from '../tsm/index.js'
import {breathe} from './breathe.js'
import {readFabric} from './fabric.js'

type FabricFunction = Fabric['functions'][number]

/** Only what a check asks for: `inspectFunction` lists the whole bus for every function. Undefined when it is gone. */
async function inspect(kernel: Kernel, fn: FabricFunction, signal?: AbortSignal): Promise<DiagnosedDevice | undefined> {
  const {bdf, ports, portType, teeIo, physfn} = fn
  if (readFunction(kernel, bdf) === undefined) return undefined
  const directory = deviceDirectory(bdf)
  const {config} = readConfig(kernel, directory)
  return {
    bdf,
    ports,
    portType,
    teeIo,
    virtual: physfn !== null,
    extended: thenKnown(config, ({extendedCapabilities}) => mapKnown(extendedCapabilities, ({length}) => length)),
    doeFeatures: readDoeFeatures(kernel, bdf),
    iommuGroup: readLinkName(kernel, `${directory}/iommu_group`),
    tsm: await readTsmAttributes(kernel, bdf, signal),
  }
}

/** A machine without a PCI bus has no functions; that is no reason to say nothing about the rest. */
async function fabricOf(kernel: Kernel, signal?: AbortSignal): Promise<Fabric> {
  try {
    return await readFabric(kernel, signal)
  } catch (error) {
    if (isGone(error)) return {bridges: [], functions: []}
    throw error
  }
}

/** Reads the machine. Functions that vanish meanwhile are left out. Throws ErrnoError EINTR on abort. */
export async function readDiagnosedMachine(kernel: Kernel, signal?: AbortSignal): Promise<DiagnosedMachine> {
  const fabric = await fabricOf(kernel, signal)
  const devices: DiagnosedDevice[] = []
  for (const [i, fn] of fabric.functions.entries()) {
    // oxlint-disable-next-line no-await-in-loop
    await breathe(i, signal)
    // oxlint-disable-next-line no-await-in-loop
    const device = await inspect(kernel, fn, signal)
    if (device !== undefined) devices.push(device)
  }
  return diagnosedMachine({
    host: readHostFacts(kernel),
    probe: await probe(kernel, signal),
    devices,
    account: accountOf(fabric),
  })
}
