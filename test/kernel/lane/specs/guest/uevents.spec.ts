/** Kobject uevents of this kernel as the port hears them (Linux lib/kobject_uevent.c): who sends which, and who none. */
import {randomUUID} from 'node:crypto'
import {closeSync, openSync, readFileSync, writeFileSync, writeSync} from 'node:fs'
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {
  attributeBytes,
  type Kernel,
  liveKernel,
  parseUevent,
  readText,
  type Uevent,
} from '../../../../../src/kernel/index.js'
import {listen} from '../../../../../src/operations/watch/events.js'
import {deviceOf, ENDPOINTS, insmod, modelHardware, rmmod, ROOT_PORTS, tsmName} from '../../guest/machine.js'
import {bindDriver, withoutProbing} from '../../guest/trusted.js'
import {asNobody} from '../../guest/nobody.js'
import {until} from '../../guest/wait.js'

/** A function below a switch, whose driver is always the same and quick. */
const FUNCTION = '0000:06:00.0'
const DRIVER = '/sys/bus/pci/drivers/virtio-pci'
/** Has events only when it is told to. */
const QUIET = `${deviceOf(ROOT_PORTS[0])}/uevent`

/** Bytes that the kernel keeps at most for a user without privilege; four mebibytes of late. */
const LIMIT = '/proc/sys/net/core/rmem_max'

let kernel: Kernel

const sequence = (): number => Number(readText(kernel, '/sys/kernel/uevent_seqnum'))
const put = (path: string, text: string): Promise<void> => kernel.write(path, attributeBytes(text))

/** An event asked for by its `uuid`, which the kernel repeats. */
const announce = (uuid: string): Promise<void> => put(QUIET, `change ${uuid}`)
const announced = (event: Uevent): string | undefined => event.properties.get('SYNTH_UUID')

const subsystem = (event: Uevent): string => event.properties.get('SUBSYSTEM') ?? ''
/** `ACTION SUBSYSTEM NAME` */
const told = (event: Uevent): string =>
  `${event.action} ${subsystem(event)} ${event.devpath.slice(event.devpath.lastIndexOf('/') + 1)}`

beforeAll(() => {
  withoutProbing(() => modelHardware())
  bindDriver(FUNCTION)
  kernel = liveKernel()
})
afterAll(() => kernel.close())

describe('events', () => {
  const controller = new AbortController()
  let events: AsyncIterator<Uint8Array | 'lost'>

  beforeAll(() => {
    events = kernel.uevents(controller.signal)[Symbol.asyncIterator]()
  })
  afterAll(() => controller.abort())

  /** What is heard while `act` runs, of these subsystems. */
  async function heard(act: () => unknown, ...subsystems: readonly string[]): Promise<readonly Uevent[]> {
    await act()
    const uuid = randomUUID()
    await announce(uuid)
    const all: Uevent[] = []
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop
      const {value, done} = await events.next()
      if (done === true || value === 'lost') throw new Error('the events end, or some are lost')
      const event = parseUevent(value)
      if (announced(event) === uuid) return all.filter(one => subsystems.includes(subsystem(one)))
      all.push(event)
    }
  }

  it('of a function carry its identity and driver, and whatever was asked for', async () => {
    const [event] = await heard(() => put(`${deviceOf(FUNCTION)}/uevent`, 'change'), 'pci')
    expect(event?.devpath).toBe('/devices/pci0000:00/0000:00:05.0/0000:03:00.0/0000:04:01.0/0000:06:00.0')
    expect([...event!.properties.keys()]).toEqual([
      'ACTION',
      'DEVPATH',
      'SUBSYSTEM',
      'SYNTH_UUID',
      'DRIVER',
      'PCI_CLASS',
      'PCI_ID',
      'PCI_SUBSYS_ID',
      'PCI_SLOT_NAME',
      'MODALIAS',
      'SEQNUM',
    ])
    expect(event?.properties.get('SYNTH_UUID')).toBe('0')
    expect(event?.properties.get('DRIVER')).toBe('virtio-pci')
  })

  it('tell when a driver leaves and comes, where a leaving one takes the modalias with it', async () => {
    const left = await heard(() => put(`${DRIVER}/unbind`, FUNCTION), 'pci')
    expect(left.map(told)).toEqual([`unbind pci ${FUNCTION}`])
    expect(left[0]?.properties.has('DRIVER')).toBe(false)
    expect(left[0]?.properties.has('MODALIAS')).toBe(false)
    const came = await heard(() => put(`${DRIVER}/bind`, FUNCTION), 'pci')
    expect(came.map(told)).toEqual([`bind pci ${FUNCTION}`])
    expect(came[0]?.properties.get('DRIVER')).toBe('virtio-pci')
    expect(came[0]?.properties.has('MODALIAS')).toBe(true)
  })

  it('tell when a function is removed and found again', async () => {
    const removed = await heard(() => put(`${deviceOf(FUNCTION)}/remove`, '1'), 'pci')
    expect(removed.map(told)).toEqual([`unbind pci ${FUNCTION}`, `remove pci ${FUNCTION}`])
    const found = await heard(() => put('/sys/bus/pci/rescan', '1'), 'pci')
    expect(found.map(told)).toEqual([`add pci ${FUNCTION}`, `bind pci ${FUNCTION}`])
    expect(found[0]?.properties.has('DRIVER')).toBe(false)
  })

  it('tell when a TSM registers, with a second one once it is ready, and when it goes', async () => {
    await heard(() => insmod('tsmtest_spdm'))
    const came = await heard(() => insmod('tsmtest_link', {spdm: 0}), 'tsm', 'module')
    const name = tsmName()
    expect(came.map(told)).toEqual([`add tsm ${name}`, `change tsm ${name}`, 'add module tsmtest_link'])
    expect([...came[0]!.properties.keys()]).toEqual(['ACTION', 'DEVPATH', 'SUBSYSTEM', 'SEQNUM'])
    const gone = await heard(() => rmmod('tsmtest_link'), 'tsm', 'module')
    expect(gone.map(told)).toEqual([`remove tsm ${name}`, 'remove module tsmtest_link'])
  })

  it('do not tell when a device is connected or disconnected', async () => {
    const device = ENDPOINTS[3]
    insmod('tsmtest_link', {spdm: 0})
    const name = tsmName()
    await heard(() => undefined)
    const before = sequence()
    await put(`${deviceOf(device)}/tsm/connect`, name)
    expect(readText(kernel, `${deviceOf(device)}/tsm/connect`)).toBe(name)
    expect(kernel.list('/sys/devices/pci0000:40').filter(one => one.startsWith('stream'))).toEqual(['stream0.0.0'])
    await put(`${deviceOf(device)}/tsm/disconnect`, name)
    expect(readText(kernel, `${deviceOf(device)}/tsm/connect`)).toBe('')
    expect(sequence()).toBe(before)
  })
})

describe('a listener', () => {
  let controller: AbortController
  beforeEach(() => (controller = new AbortController()))
  afterEach(() => controller.abort())

  it('without privilege hears that some were lost when there are too many, and then goes on', async () => {
    const limit = readFileSync(LIMIT)
    writeFileSync(LIMIT, '8192')
    const events = await asNobody(async () => kernel.uevents(controller.signal))
    writeFileSync(LIMIT, limit)
    const fd = openSync(QUIET, 'w')
    for (let i = 0; i < 100; i++) writeSync(fd, 'change')
    let lost = 0
    let isBack = false
    const uuid = randomUUID()
    const hearing = (async () => {
      for await (const event of events)
        if (event === 'lost') lost += 1
        else isBack ||= announced(parseUevent(event)) === uuid
    })()
    await until('the loss', () => lost > 0)
    await until('events after it', () => {
      writeSync(fd, `change ${uuid}`)
      return isBack
    })
    closeSync(fd)
    controller.abort()
    await hearing
    expect(lost).toBeGreaterThan(0)
  })

  it('that watches looks again at what events name, and at nothing that does not concern it', async () => {
    let rung = 0
    const watching = listen(kernel, {signal: controller.signal, ring: () => (rung += 1), keep: true})
    await put(`${DRIVER}/unbind`, FUNCTION)
    await put(`${DRIVER}/bind`, FUNCTION)
    await until('both', () => rung >= 2)
    const first = watching.take()
    expect([...first.functions]).toEqual([FUNCTION])
    expect([first.tsms, first.lost, first.removed.size]).toEqual([false, false, 0])
    expect(first.events.map(({action}) => action)).toEqual(['unbind', 'bind'])
    rmmod('tsmtest_link')
    await until('the TSM', () => rung >= 3)
    const second = watching.take()
    expect([second.tsms, second.functions.size, [...second.removed]]).toEqual([
      true,
      0,
      [expect.stringMatching(/^tsm\d+$/)],
    ])
    expect(watching.listens).toBe(true)
  })
})
