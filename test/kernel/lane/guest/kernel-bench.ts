/** The real kernel as a bench for scripts: what happens is told to the test modules. */
import {readFileSync, writeFileSync} from 'node:fs'
import {constants} from 'node:os'
import {ErrnoError} from '../../../../src/errors.js'
import {type Kernel, liveKernel} from '../../../../src/kernel/index.js'
import type {Bench, Files, Happening, Shape} from '../script/index.js'
import {deviceOf, ENDPOINTS, enumerate, insmod, POOL, powerOn, rmmod, setParameter, unloadAll} from './machine.js'
import {atOnceAsNobody} from './nobody.js'
import {controlOf, poke, statusOf} from './registers.js'
import {until} from './wait.js'

const [DEVICE, NO_IDE, NO_TEE] = ENDPOINTS

const SECURE = 2
const FAIL_RECEIVED = 2 ** 31

/** Selective block `block` of `bdf` as firmware leaves it that has enabled stream `id` as the default. */
function enableByFirmware(bdf: string, block: number, id: number): void {
  // the module finds the place of its capability when a function is first read
  readFileSync(`${deviceOf(bdf)}/config`)
  poke(bdf, controlOf(block), id * 2 ** 24 + 2 ** 22 + 1)
  poke(bdf, statusOf(block), SECURE)
}

const SHAPES: Readonly<Record<Shape, () => void>> = {
  plain() {
    unloadAll()
    insmod('tsmtest_hw', {funcs: [DEVICE], pool: POOL})
    rmmod('tsmtest_hw')
    enumerate()
  },
  modelled: () => powerOn({notee: [NO_TEE], noide: [NO_IDE], pool: 2}),
  'firmware-streams': () =>
    powerOn({}, () => {
      enableByFirmware('0000:00:03.0', 0, 5)
      enableByFirmware(DEVICE, 0, 5)
      enableByFirmware('0000:00:05.0', 1, 0)
    }),
  guest() {
    powerOn()
    insmod('tsmtest_devsec')
  },
}

/** NVMe functions are probed in their own time. */
const haveDrivers = (kernel: Kernel): Promise<void> =>
  until('the drivers of all functions', () =>
    ENDPOINTS.every(bdf => kernel.stat(`${deviceOf(bdf)}/driver`) !== undefined),
  )

function filesOfNobody(kernel: Files): Files {
  return {
    read: path => atOnceAsNobody(() => kernel.read(path)),
    list: path => atOnceAsNobody(() => kernel.list(path)),
    stat: path => atOnceAsNobody(() => kernel.stat(path)),
    readlink: path => atOnceAsNobody(() => kernel.readlink(path)),
    async write(path, bytes) {
      // in this process: a helper would have been started by root
      try {
        atOnceAsNobody(() => writeFileSync(path, bytes, {flag: 'r+'}))
      } catch (error) {
        throw new ErrnoError((error as NodeJS.ErrnoException).code!, 'write', path)
      }
    },
  }
}

export function kernelBench(): Bench & {close(): void} {
  const kernel = liveKernel({stateDirectory: '/run/tsmctl-script'})
  let calm: (() => void)[] = []
  const untilCalm = (module: string, name: string, value: string | number, usual: string | number): void => {
    setParameter(module, name, value)
    calm.push(() => setParameter(module, name, usual))
  }
  return {
    async machine(shape) {
      SHAPES[shape]()
      writeFileSync(`${deviceOf(DEVICE)}/sriov_drivers_autoprobe`, '1')
      await haveDrivers(kernel)
      return {kernel, nobody: filesOfNobody(kernel)}
    },
    async happen(happening: Happening) {
      switch (happening.what) {
        case 'tsm-appears':
          // what a TSM says to a device is not in the script
          return insmod('tsmtest_link', {spdm: 0})
        case 'tsm-unloaded':
          return rmmod('tsmtest_link')
        case 'connect-fails':
          return untilCalm('tsmtest_link', 'fail', constants.errno[happening.errno as keyof typeof constants.errno], 0)
        case 'stream-insecure':
          return untilCalm('tsmtest_hw', 'insecure', 1, 0)
        case 'stream-id':
          return untilCalm('tsmtest_link', 'stream_id', happening.id, -1)
        case 'fail-received':
          return poke(happening.device, statusOf(0), FAIL_RECEIVED + SECURE)
        case 'security-lost':
          return poke(happening.device, statusOf(0), FAIL_RECEIVED)
      }
    },
    async calm() {
      for (const undo of calm) undo()
      calm = []
    },
    close() {
      kernel.close()
      // streams of firmware would stay in the registers
      unloadAll()
    },
  }
}
