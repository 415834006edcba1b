/** One function and what is known of it, each fact read when it is asked for the first time and only then. */
import type {Ide} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {type Known, known, mapKnown, type Present, thenKnown, valueOf} from '../known.js'
import {
  type ConfigSpace,
  deviceDirectory,
  type DsmFunction,
  type DsmPrediction,
  type PciFunction,
  PORT_TYPE,
  predictDsm,
  readConfig,
  readFunction,
  readFunctionLink,
} from '../pci/index.js'
import {ideOf} from './config-space-view.js'

export interface Device extends DsmFunction {
  readonly fn: PciFunction
  /** Directory in sysfs. */
  readonly directory: string
  /** The whole of configuration space. */
  readonly config: Known<ConfigSpace>
  /** Undefined when there is no IDE capability. */
  readonly ideRegisters: Known<Ide | undefined>
  readonly predictedDsm: Known<DsmPrediction>
  /** Reads the whole of configuration space now, so that nothing reads a part of it first. */
  readWhole(): void
}

/** Finds functions by BDF; what was found is kept, because many ask for the same port. */
export type Devices = (bdf: string) => Device | undefined

/** Calls `make` when the value is first wanted. */
function lazy<T>(make: () => T): () => T {
  let made: {readonly value: T} | undefined
  return () => (made ??= {value: make()}).value
}

/** Enough of configuration space for the PCI Express capability: a read is one access to the device per four bytes. */
const CONVENTIONAL = 256

const optional = <T>(fact: Present<T>): Known<T | undefined> => (fact.present ? fact.value : known(undefined))

function deviceOf(kernel: Kernel, fn: PciFunction, devices: Devices): Device {
  const directory = deviceDirectory(fn.bdf)
  let whole: ReturnType<typeof readConfig> | undefined
  const config = () => (whole ??= readConfig(kernel, directory))
  const head = lazy(() => whole?.config ?? readConfig(kernel, directory, CONVENTIONAL).config)
  const express = lazy(() => thenKnown(head(), space => space.express))
  const ports = valueOf(fn.place)?.ports ?? []
  const physfn = lazy(() => optional(readFunctionLink(kernel, `${directory}/physfn`)))
  const ideRegisters = lazy(() => {
    const {config: space, configBytes} = config()
    return thenKnown(space, facts => thenKnown(configBytes, bytes => ideOf(facts, bytes)))
  })
  const device: Device = {
    bdf: fn.bdf,
    fn,
    directory,
    ports,
    get physfn() {
      return physfn()
    },
    get portType() {
      return mapKnown(express(), registers => registers?.portType)
    },
    get teeIo() {
      return mapKnown(express(), registers => registers?.teeIo ?? false)
    },
    get config() {
      return config().config
    },
    get ideRegisters() {
      return ideRegisters()
    },
    get ide() {
      return takesIde(device, devices)
    },
    get predictedDsm() {
      return predictDsm(device, devices)
    },
    readWhole() {
      config()
    },
  }
  return device
}

const hasSelective = ({ideRegisters}: Device): Known<boolean> =>
  mapKnown(ideRegisters, ide => ide?.capability.selectiveSupported ?? false)

/** Linux looks for Selective streams, of an endpoint also at the root port above (drivers/pci/ide.c). */
function takesIde(device: Device, devices: Devices): Known<boolean> {
  return thenKnown(hasSelective(device), own => {
    if (!own || valueOf(device.portType) !== PORT_TYPE.endpoint) return known(own)
    const [rootPort] = device.ports
    const above = rootPort === undefined ? undefined : devices(rootPort)
    return above === undefined ? known(false) : hasSelective(above)
  })
}

/** All functions of `kernel`; `listed` spares reading again what a walk has read. */
export function openDevices(kernel: Kernel, listed: readonly PciFunction[] = []) {
  const functions = new Map(listed.map(fn => [fn.bdf, fn]))
  const opened = new Map<string, Device>()
  const find: Devices = bdf => {
    const before = opened.get(bdf)
    if (before !== undefined) return before
    const fn = functions.get(bdf) ?? readFunction(kernel, bdf)
    if (fn === undefined) return undefined
    const device = deviceOf(kernel, fn, find)
    opened.set(bdf, device)
    return device
  }
  /** A function that is looked at once: a machine may have more of them than memory for what was read of each. */
  const once = (fn: PciFunction): Device => opened.get(fn.bdf) ?? deviceOf(kernel, fn, find)
  return {find, once}
}
