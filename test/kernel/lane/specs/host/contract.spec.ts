/** The contract of the kernel port, held by the live port of a real kernel. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import {afterAll, beforeAll} from 'vitest'
import {liveKernel} from '../../../../../src/kernel/index.js'
import {hasKoffi} from '../../../../../src/kernel/native/libc.js'
import {describeKernelContract, type Subject} from '../../../contract.js'
import {
  deviceOf,
  insmod,
  isLoaded,
  linkTsm,
  modelHardware,
  remove,
  rescan,
  setParameter,
  unload,
} from '../../guest/machine.js'

/** An entropy device behind the switch, which nobody misses. */
const BDF = '0000:06:00.0'
const DEVICE = deviceOf(BDF)
const DRIVER = '/sys/bus/pci/drivers/virtio-pci'
/** Interrupt Line: nothing but software reads it (PCIe r7.0 §7.5.1.1.12). */
const LINE = 0x3c
const REPORT = '/sys/kernel/config/tsm/report/contract'

/** The dump of all families, which every kernel answers. */
const FAMILIES = {family: 'nlctrl', version: 2, command: 3, attributes: new Uint8Array(0)}

/** What nobody answers before the aborted query has long ended. */
function blocking(): string {
  if (!isLoaded('tsmtest_tvm')) insmod('tsmtest_tvm')
  setParameter('tsmtest_tvm', 'delay_ms', 50_000)
  if (!existsSync(REPORT)) mkdirSync(REPORT)
  writeFileSync(`${REPORT}/inblob`, new Uint8Array(64))
  return `${REPORT}/outblob`
}

function live(): Subject {
  const directory = realpathSync(DEVICE)
  const content = readFileSync(`${DEVICE}/config`)
  return {
    kernel: liveKernel({stateDirectory: '/run/contract'}),
    sample: {
      directory: {path: directory, names: readdirSync(directory).sort()},
      text: {path: `${directory}/vendor`, content: '0x1af4'},
      binary: {path: `${directory}/config`, content: new Uint8Array(content)},
      link: {path: DEVICE, target: readlinkSync(DEVICE)},
      writeOnly: `${deviceOf('0000:01:00.0')}/tsm/disconnect`,
      missing: `${directory}/power/none`,
      writable: {path: `${directory}/driver_override`, bytes: Buffer.from('none\n')},
      register: {
        path: `${directory}/config`,
        offset: LINE,
        bytes: Uint8Array.of(0x5a, ...content.subarray(LINE + 1, LINE + 4)),
      },
      vanish: () => remove(BDF),
      get blocking() {
        return blocking()
      },
      ...(hasKoffi() && {family: {name: 'nlctrl', dump: FAMILIES}}),
      event: {
        async happen() {
          writeFileSync(`${DRIVER}/unbind`, BDF)
        },
        names: BDF,
      },
    },
    dispose() {
      if (existsSync(DEVICE)) {
        if (readFileSync(`${DEVICE}/driver_override`, 'utf8') === 'none\n')
          writeFileSync(`${DEVICE}/driver_override`, '\n')
        if (!existsSync(`${DEVICE}/driver`)) writeFileSync(`${DRIVER}/bind`, BDF)
      } else rescan()
    },
  }
}

beforeAll(() => {
  modelHardware({notee: ['0000:41:00.0']})
  linkTsm({spdm: 0})
})
afterAll(() => {
  if (existsSync(REPORT)) rmdirSync(REPORT)
  unload('tsmtest_tvm')
})

describeKernelContract('live, on a real kernel', live)
