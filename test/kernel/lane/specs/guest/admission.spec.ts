/**
 * The main job on a real kernel, as a user types it: lock, evidence, verify, accept, with the evidence fetched over DOE,
 * handed out by the kernel's generic netlink, and the driver bound again in RUN.
 */
import {writeFileSync} from 'node:fs'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {equal} from '../../../../../src/bits/index.js'
import type {Kernel} from '../../../../../src/kernel/index.js'
import {keptBundle, readAudit} from '../../../../../src/operations/index.js'
import {HOLD} from '../../../../../src/tsm/index.js'
import {forgetHeard, heardBy, tdiOf} from '../../guest/device.js'
import {ENDPOINTS} from '../../guest/machine.js'
import {writePolicy} from '../../guest/policy.js'
import {tsmctlJson} from '../../guest/program.js'
import {bindDriver, driverOf, openKernel, overrideOf, prepareGuest} from '../../guest/trusted.js'

const [BDF] = ENDPOINTS

let kernel: Kernel
let policy: string

beforeAll(async () => {
  kernel = openKernel()
  await prepareGuest(kernel, [BDF])
  bindDriver(BDF)
  policy = writePolicy(BDF)
})
afterAll(() => kernel.close())

/** The result of a command about the one device, which succeeded. */
function done(...args: readonly string[]) {
  const {code, json} = tsmctlJson(args)
  expect({code, error: json.error}).toEqual({code: 0, error: null})
  return json.data.devices?.[0].result ?? json.data
}

describe('a device of a real kernel', () => {
  let digest: string

  it('is locked, and its driver kept away', async () => {
    expect(driverOf(BDF)).toBe('nvme')
    expect(done('lock', BDF)).toMatchObject({
      changed: true,
      before: {state: 'CONFIG_UNLOCKED', driver: 'nvme', driverOverride: null},
      after: {state: 'CONFIG_LOCKED', driver: null, driverOverride: HOLD},
    })
    writeFileSync('/sys/bus/pci/drivers_probe', BDF)
    expect([driverOf(BDF), overrideOf(BDF)]).toEqual([null, HOLD])
    expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_LOCKED')
  })

  it('gives evidence, which is what the device itself says', async () => {
    const evidence = done('evidence', BDF, '--out', '/run/device.tsmb.json')
    expect(evidence.objects.map(({label}: {label: string}) => label)).toEqual(
      expect.arrayContaining(['cert0', 'vca', 'measurements', 'report']),
    )
    ;({digest} = evidence)
    const {objects, manifest} = keptBundle(kernel, digest)
    const {bytes} = await tdiOf(kernel, BDF).report()
    expect(equal(objects.get('report')!, bytes)).toBe(true)
    expect(Buffer.from(objects.get('measurements')!).includes(Buffer.from(manifest.nonce!.value, 'hex'))).toBe(true)
    expect(manifest.provider).toMatchObject({kind: 'device-evidence', abi: 'device-evidence/1', generation: 2})
  })

  it('passes every check under the policy that names it', () => {
    const {appraisal} = done('verify', '/run/device.tsmb.json', '--policy', policy)
    expect(appraisal).toMatchObject({decision: 'accept', rule: 'nvme'})
    const passed = appraisal.results.flatMap(({id, result}: {id: string; result: string}) =>
      result === 'pass' ? [id] : [],
    )
    expect(passed).toEqual(
      expect.arrayContaining([
        'spdm.chain.root-pinned',
        'spdm.chain.signatures',
        'spdm.meas.nonce',
        'spdm.meas.signature',
        'spdm.meas.values',
        'tdisp.report.mmio-within-bars',
        'tdisp.report.msix-locked',
        'tsm.digest.report',
        'acq.generation.stable',
      ]),
    )
  })

  it('is accepted, started by its own nonce, and used by its driver', async () => {
    forgetHeard(BDF)
    expect(done('accept', BDF, '--evidence-digest', digest, '--policy', policy)).toMatchObject({
      changed: true,
      before: {state: 'CONFIG_LOCKED'},
      after: {state: 'RUN', driver: 'nvme', driverOverride: null},
    })
    expect(heardBy(BDF).filter(name => name === 'START_INTERFACE_REQUEST')).toHaveLength(1)
    expect(await tdiOf(kernel, BDF).state()).toBe('RUN')
    expect(driverOf(BDF)).toBe('nvme')
  })

  it('is not unlocked under its driver, unless that is meant', async () => {
    expect(tsmctlJson(['unlock', BDF])).toMatchObject({code: 8, json: {error: {kind: 'busy'}}})
    expect(await tdiOf(kernel, BDF).state()).toBe('RUN')
    expect(done('unlock', BDF, '--force', '--rebind')).toMatchObject({
      after: {state: 'CONFIG_UNLOCKED', driver: 'nvme'},
    })
    expect(await tdiOf(kernel, BDF).state()).toBe('CONFIG_UNLOCKED')
    expect(driverOf(BDF)).toBe('nvme')
  })

  it('has every step on record', () => {
    const {records, problems} = readAudit(kernel)
    expect(problems).toEqual([])
    expect(records.map(({event}) => event)).toEqual([
      'locked',
      'collected',
      'policy-loaded',
      'decided',
      'committing',
      'committed',
      'unlocked',
    ])
  })
})
