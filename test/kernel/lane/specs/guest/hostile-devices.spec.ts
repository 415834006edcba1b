/** Devices that are not what they are taken for, or break their promises, behind the mailbox of a real kernel. */
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest'
import type {Policy} from '../../../../../src/appraisal/index.js'
import type {TsmctlError} from '../../../../../src/errors.js'
import type {Kernel} from '../../../../../src/kernel/index.js'
import {readPciFacts} from '../../../../../src/operations/device-facts.js'
import {admit, readPolicy, unlock} from '../../../../../src/operations/index.js'
import {readTdi} from '../../../../../src/tsm/index.js'
import type {DeviceControl, Mischief} from '../../control.js'
import {describeDevice, forgetHeard, heardBy, interfaceOf, tdiOf} from '../../guest/device.js'
import {ENDPOINTS} from '../../guest/machine.js'
import {writePolicy} from '../../guest/policy.js'
import {bindDriver, openKernel, prepareGuest, unbind} from '../../guest/trusted.js'

const [BDF, , , LOST] = ENDPOINTS
const START = 'START_INTERFACE_REQUEST'

let kernel: Kernel
let policy: Policy
let sound: DeviceControl

beforeAll(async () => {
  kernel = openKernel()
  await prepareGuest(kernel, [BDF, LOST])
  bindDriver(BDF)
  policy = readPolicy([writePolicy(BDF)], kernel.now())
  sound = interfaceOf(await readPciFacts(kernel, BDF))
})
afterAll(() => kernel.close())

/** Why the device is not admitted, and the checks that fail. */
async function refusalOf(different: DeviceControl) {
  describeDevice(BDF, {...sound, ...different})
  forgetHeard(BDF)
  return admit(kernel, BDF, {policy}).then(
    ({failure, appraisal}) => ({
      failure,
      findings: appraisal.results.flatMap(({id, result, text}) => (result === 'fail' ? [`${id}: ${text}`] : [])),
    }),
    (thrown: unknown) => ({failure: thrown as TsmctlError, findings: []}),
  )
}

/** Unlocked and as it was before, for the kernel and for the device. */
async function expectGivenBack(driver: string | null): Promise<void> {
  expect(await readTdi(kernel, BDF)).toMatchObject({state: 'CONFIG_UNLOCKED', driver, driverOverride: null})
  expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
}

it('a device with other firmware and an open debug port is refused, and its driver gets it back', async () => {
  const {failure, findings} = await refusalOf({firmware: 'lab firmware with a back door', debug: true})
  expect(failure).toMatchObject({kind: 'denied', exitCode: 4})
  expect(findings.map(finding => finding.split(': ')[0])).toEqual(['spdm.meas.values', 'spdm.meas.debug'])
  expect(heardBy(BDF)).not.toContain(START)
  await expectGivenBack('nvme')
  // from here on without a driver: binding it takes longer than everything else
  unbind(BDF)
})

describe('a device is refused that', () => {
  afterEach(() => expectGivenBack(null))

  it.each<[what: string, different: DeviceControl, check: string]>([
    ['signs with a key that is not certified', {badSignature: true}, 'spdm.meas.signature'],
    ['shows a certificate that its CA did not issue', {chain: 'foreign-leaf'}, 'spdm.chain.signatures'],
    ['answers with measurements of earlier', {replay: true}, 'spdm.meas.signature'],
    [
      'has locked more than its BAR',
      {ranges: [{rangeId: 0, firstPage: 0x8_0000, pages: 0x1000}]},
      'tdisp.report.mmio-within-bars',
    ],
  ])('%s', async (_, different, check) => {
    const {failure, findings} = await refusalOf(different)
    expect(failure).toMatchObject({kind: 'denied', exitCode: 4})
    expect(findings).toContainEqual(expect.stringContaining(`${check}: `))
    expect(heardBy(BDF)).not.toContain(START)
  })
})

describe('a device is given up that', () => {
  afterEach(() => expectGivenBack(null))

  it.each<[what: string, mischief: Mischief, errno: string]>([
    ['is busy when it shall be measured', {at: 'GET_MEASUREMENTS', do: 'busy'}, 'EPROTO'],
    ['refuses the lock', {at: 'LOCK_INTERFACE_REQUEST', do: 'refuse', code: 'INVALID_DEVICE_CONFIGURATION'}, 'EIO'],
    ['goes to ERROR after it was verified', {at: START, do: 'break'}, 'EIO'],
  ])('%s', async (_, mischief, errno) => {
    const {failure} = await refusalOf({mischief: [mischief]})
    expect(failure).toMatchObject({kind: 'transition', exitCode: 12})
    expect(failure!.message).toContain(errno)
    expect(heardBy(BDF).includes(START)).toBe(mischief.at === START)
    describeDevice(BDF, sound)
  })
})

it('a device is admitted that takes its time, and gives its report in small portions', async () => {
  const {failure, findings} = await refusalOf({
    maxPortion: 32,
    mischief: [{at: 'LOCK_INTERFACE_REQUEST', do: 'pause', milliseconds: 300}],
  })
  expect({failure, findings}).toEqual({failure: null, findings: []})
  expect(await tdiOf(kernel, BDF).state()).toBe('RUN')
  expect(heardBy(BDF).filter(name => name === 'GET_DEVICE_INTERFACE_REPORT').length).toBeGreaterThan(2)
  await unlock(kernel, BDF)
})

it('a device that hangs up is given up, and left unlocked', async () => {
  describeDevice(LOST, {...interfaceOf(await readPciFacts(kernel, LOST)), mischief: [{at: START, do: 'hang-up'}]})
  const theirs = readPolicy([writePolicy(LOST)], kernel.now())
  await expect(admit(kernel, LOST, {policy: theirs})).rejects.toMatchObject({kind: 'transition', exitCode: 12})
  expect(heardBy(LOST).filter(name => name === START)).toHaveLength(1)
  expect(await readTdi(kernel, LOST)).toMatchObject({state: 'CONFIG_UNLOCKED', driverOverride: null})
})
