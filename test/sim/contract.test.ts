import {removeFunction} from '../../src/sim/drivers.js'
import {injectFault, simKernel} from '../../src/sim/index.js'
import {openMachine} from '../../src/sim/store.js'
import {recordingKernel} from '../../src/kernel/index.js'
import {describeKernelContract, type Subject} from '../kernel/contract.js'
import {machines, NVME} from './machines.js'

const make = machines()
const DEVICE = `/sys/devices/pci0000:00/0000:00:02.0/${NVME}`

async function sim(): Promise<Subject> {
  const {directory} = await make()
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
      vanish: () => openMachine(directory).update(state => removeFunction(state, NVME)),
      blocking: `${DEVICE}/class`,
    },
  }
}

describeKernelContract('simulated machine', sim)
describeKernelContract('recording of a simulated machine', async () => {
  const {kernel, sample} = await sim()
  return {kernel: recordingKernel(kernel), sample}
})
