import {removeFunction} from '../../src/sim/drivers.js'
import {happen} from '../../src/sim/host/events.js'
import {injectFault, simKernel} from '../../src/sim/index.js'
import {openMachine} from '../../src/sim/store.js'
import {type Kernel, recordingKernel} from '../../src/kernel/index.js'
import {decodeConfigSpace} from '../../src/pci/index.js'
import {describeKernelContract, type Sample, type Subject} from '../kernel/contract.js'
import {evidenceRequest} from './dump.js'
import {GPU, lockDevice, machines, NVME} from './machines.js'

const make = machines()
const DEVICE = `/sys/devices/pci0000:00/0000:00:02.0/${NVME}`

/** The control register of the first DOE mailbox: Interrupt Enable stays as it is written. */
function register(kernel: Kernel, directory: string): NonNullable<Sample['register']> {
  const path = `${directory}/config`
  const {doe} = decodeConfigSpace(kernel.read(path))
  if (!doe.known) throw new Error(doe.reason)
  return {path, offset: doe.value[0]!.offset + 8, bytes: Uint8Array.of(2, 0, 0, 0)}
}

async function sim(): Promise<Subject> {
  const machine = await make()
  const {directory} = machine
  await lockDevice(machine, GPU)
  await injectFault(directory, {device: NVME, at: 'read:class', do: 'delay', ms: 3_600_000, times: 'always'})
  const kernel = simKernel(directory)
  return {
    kernel,
    sample: {
      directory: {path: DEVICE, names: kernel.list(DEVICE)},
      text: {path: `${DEVICE}/vendor`, content: '0x7e57'},
      binary: {path: `${DEVICE}/config`, content: kernel.read(`${DEVICE}/config`)},
      link: {path: `/sys/bus/pci/devices/${NVME}`, target: `../../../devices/pci0000:00/0000:00:02.0/${NVME}`},
      writeOnly: `${DEVICE}/tsm/unlock`,
      missing: `${DEVICE}/tsm/connect`,
      writable: {path: `${DEVICE}/driver_override`, bytes: Buffer.from('vfio-pci\n')},
      register: register(kernel, DEVICE),
      vanish: () => {
        const store = openMachine(directory)
        store.update(state => removeFunction(store.machine, state, NVME))
      },
      blocking: `${DEVICE}/class`,
      family: {name: 'pci-tsm', dump: evidenceRequest(GPU)},
      event: {happen: () => injectFault(directory, {device: NVME, at: 'now', do: 'unbind'}), names: NVME},
    },
  }
}

describeKernelContract('simulated machine', sim)
describeKernelContract('recording of a simulated machine', async () => {
  const {kernel, sample} = await sim()
  return {kernel: recordingKernel(kernel), sample}
})

const HOST_DEVICE = '/sys/devices/pci0000:40/0000:40:01.1/0000:41:00.0'

async function host(): Promise<Subject> {
  const {directory} = await make('gpu-host')
  const device = '0000:41:00.0'
  await injectFault(directory, {device, at: 'read:class', do: 'delay', ms: 3_600_000, times: 'always'})
  const kernel = simKernel(directory)
  return {
    kernel,
    sample: {
      directory: {path: HOST_DEVICE, names: kernel.list(HOST_DEVICE)},
      text: {path: `${HOST_DEVICE}/vendor`, content: '0x7e57'},
      binary: {path: `${HOST_DEVICE}/config`, content: kernel.read(`${HOST_DEVICE}/config`)},
      link: {path: `/sys/bus/pci/devices/${device}`, target: `../../../${HOST_DEVICE.slice('/sys/'.length)}`},
      writeOnly: `${HOST_DEVICE}/tsm/disconnect`,
      missing: `${HOST_DEVICE}/tsm/lock`,
      writable: {path: `${HOST_DEVICE}/power/control`, bytes: Buffer.from('on\n')},
      register: register(kernel, HOST_DEVICE),
      vanish: () => happen(openMachine(directory), {device, at: 'now', do: 'vanish'}),
      blocking: `${HOST_DEVICE}/class`,
      event: {happen: () => injectFault(directory, {device, at: 'now', do: 'tsm-gone'}), names: '/tsm/tsm0'},
    },
  }
}

describeKernelContract('simulated host', host)
