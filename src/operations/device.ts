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

/** Enough of configuration space for the PCI Express capability: a read is one access to the device per four bytes. */
const CONVENTIONAL = 256

type Configuration = ReturnType<typeof readConfig>

const optional = <T>(fact: Present<T>): Known<T | undefined> => (fact.present ? fact.value : known(undefined))

/** A walk makes one of every function: a class, because closures for what is seldom asked cost more than the asking. */
class LazyDevice implements Device {
  readonly fn: PciFunction
  readonly directory: string
  readonly #kernel: Kernel
  readonly #devices: Devices
  #whole: Configuration | undefined
  #head: Known<ConfigSpace> | undefined
  #physfn: Known<string | undefined> | undefined
  #ideRegisters: Known<Ide | undefined> | undefined

  constructor(kernel: Kernel, fn: PciFunction, devices: Devices) {
    this.fn = fn
    this.directory = deviceDirectory(fn.bdf)
    this.#kernel = kernel
    this.#devices = devices
  }
  get bdf() {
    return this.fn.bdf
  }
  get ports() {
    return valueOf(this.fn.place)?.ports ?? []
  }
  get physfn() {
    return (this.#physfn ??= optional(readFunctionLink(this.#kernel, `${this.directory}/physfn`)))
  }
  get portType() {
    return mapKnown(this.#express(), registers => registers?.portType)
  }
  get teeIo() {
    return mapKnown(this.#express(), registers => registers?.teeIo ?? false)
  }
  get config() {
    return this.#readWhole().config
  }
  get ideRegisters() {
    const {config, configBytes} = this.#readWhole()
    return (this.#ideRegisters ??= thenKnown(config, space => thenKnown(configBytes, bytes => ideOf(space, bytes))))
  }
  get ide(): Known<boolean> {
    return takesIde(this, this.#devices)
  }
  get predictedDsm() {
    return predictDsm(this, this.#devices)
  }
  readWhole() {
    this.#readWhole()
  }
  #readWhole(): Configuration {
    return (this.#whole ??= readConfig(this.#kernel, this.directory))
  }
  #express() {
    this.#head ??= this.#whole?.config ?? readConfig(this.#kernel, this.directory, CONVENTIONAL).config
    return thenKnown(this.#head, space => space.express)
  }
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
    const device = new LazyDevice(kernel, fn, find)
    opened.set(bdf, device)
    return device
  }
  /** A function that is looked at once: a machine may have more of them than memory for what was read of each. */
  const once = (fn: PciFunction): Device => opened.get(fn.bdf) ?? new LazyDevice(kernel, fn, find)
  return {find, once}
}
