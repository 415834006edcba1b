/** Everything `doctor` looks at, read in one place, so that a recording of it gives the same diagnosis. */
import {readHostFacts, type DiagnosedDevice, diagnosedMachine, type DiagnosedMachine} from '../doctor/index.js'
import {accountOf, type Fabric} from '../ide/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {isGone, mapKnown, thenKnown} from '../known.js'
import {type FunctionFacts, inspectFunction} from '../pci/index.js'
import {probe} from '../tsm/index.js'
import {breathe} from './breathe.js'
import {readFabric} from './fabric.js'

type FabricFunction = Fabric['functions'][number]

function deviceOf(fn: FabricFunction, facts: FunctionFacts): DiagnosedDevice {
  const {bdf, ports, portType, teeIo, physfn} = fn
  return {
    bdf,
    ports,
    portType,
    teeIo,
    virtual: physfn !== null,
    extended: thenKnown(facts.config, ({extendedCapabilities}) => mapKnown(extendedCapabilities, ({length}) => length)),
    doeFeatures: facts.doeFeatures,
    iommuGroup: facts.iommuGroup,
    tsm: facts.tsm,
  }
}

/** Undefined when the function is gone. */
async function inspect(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<FunctionFacts | undefined> {
  try {
    return await inspectFunction(kernel, bdf, signal)
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'not-found') return undefined
    throw error
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
    const facts = await inspect(kernel, fn.bdf, signal)
    if (facts !== undefined) devices.push(deviceOf(fn, facts))
  }
  return diagnosedMachine({
    host: readHostFacts(kernel),
    probe: await probe(kernel, signal),
    devices,
    account: accountOf(fabric),
  })
}
