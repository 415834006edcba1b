/** Evidence of the host's side: collected from simulated hosts, verified, and never a reason to accept. */
import {describe, expect, it} from 'vitest'
import type {Appraisal} from '../../src/appraisal/index.js'
import {decodeIdeFacts} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {collectEvidence} from '../../src/operations/collect.js'
import {connect, disconnect} from '../../src/operations/index.js'
import {verifyBundle} from '../../src/operations/review.js'
import {type Fault, injectFault} from '../../src/sim/index.js'
import {hostRuleWith} from '../appraisal/bases/index.js'
import {policyFrom} from '../appraisal/forge.js'
import {judge} from '../appraisal/guest.js'
import {allowSleep, machines, type TestMachine} from '../sim/machines.js'

const GPU = '0000:01:00.0'
const NVME = '0000:03:00.0'
const POLICY = policyFrom(hostRuleWith({match: {vendor: '0x7e57'}}))

const make = machines()

async function connected(scenario: string, bdf: string): Promise<TestMachine> {
  const machine = await make(scenario)
  await allowSleep(machine)
  expect((await connect(machine.kernel, bdf)).failure).toBeNull()
  return machine
}

const happen = ({directory}: TestMachine, device: string, what: Omit<Fault, 'device' | 'at'>): Promise<void> =>
  injectFault(directory, {device, at: 'now', ...what})

async function verified({kernel}: TestMachine, bdf: string): Promise<(id: string) => string> {
  const bundle = await collectEvidence(kernel, bdf)
  const {results} = await verifyBundle(kernel, bundle, POLICY, kernel.now())
  return id => {
    const {result, reason, code} = results.find(item => item.id === id)!
    return result === 'skip' ? `skip:${reason}` : result === 'fail' ? `fail:${code}` : result
  }
}

const blocking = ({results}: Appraisal): readonly string[] => results.flatMap(item => (item.blocking ? [item.id] : []))

describe('evidence of a connected device', () => {
  it('holds what registers and tree say of its link', async () => {
    const {kernel} = await connected('gpu-host', GPU)
    const bundle = await collectEvidence(kernel, GPU)
    expect(bundle.manifest).toMatchObject({
      provider: {kind: 'host-link', abi: 'host-link/1', tsm: 'tsm0'},
      tdiState: 'unknown',
      nonce: null,
    })
    expect([...bundle.objects.keys()]).toEqual(['tsm', 'ide', 'pci', 'collection'])
    expect(decodeIdeFacts(bundle.objects.get('ide')!)).toMatchObject({
      bdf: GPU,
      rootPort: '0000:00:01.1',
      switches: [],
      unread: [],
      streams: [
        {
          name: 'stream0.0.0',
          idShared: false,
          rootPort: {bdf: '0000:00:01.1', state: 'secure', enabled: true},
          endpoint: {bdf: GPU, state: 'secure', enabled: true, defaultStream: true, trafficClass: 0},
        },
      ],
    })
  })

  it('proves the link, and nothing about who is at its end', async () => {
    const machine = await connected('gpu-host', GPU)
    const bundle = await collectEvidence(machine.kernel, GPU)
    const result = await verified(machine, GPU)
    expect(result('ide.stream.secure')).toBe('pass')
    expect(result('ide.stream.default')).toBe('pass')
    expect(result('ide.topology')).toBe('pass')
    // what a machine that locks interfaces has
    for (const id of ['acq.state.locked', 'acq.driver.unbound', 'tdisp.report.framing', 'tdisp.report.no-fw-update'])
      expect(result(id)).toBe('skip:na')
    const live = await judge(bundle, POLICY)
    expect(live.decision).toBe('deny')
    expect(blocking(live)).toEqual(expect.arrayContaining(['acq.source.live', 'acq.nonce.used', 'acq.object.complete']))
    const offline = await judge(bundle, POLICY, {mode: 'offline'})
    expect(offline.decision).toBe('deny')
    expect(blocking(offline)).toEqual(expect.arrayContaining(['spdm.vca.framing', 'spdm.meas.framing']))
  })

  it('shows a stream that was lost', async () => {
    const machine = await connected('gpu-host', GPU)
    await happen(machine, GPU, {do: 'insecure'})
    expect((await verified(machine, GPU))('ide.stream.secure')).toBe('fail:state')
  })

  it('shows the switch in the path, and virtual functions made since the connect', async () => {
    const machine = await connected('nvme-host', NVME)
    const before = await verified(machine, NVME)
    expect(before('ide.topology')).toBe('fail:switch')
    expect(before('pci.sriov.stable')).toBe('pass')
    await happen(machine, NVME, {do: 'vfs', count: 4})
    const after = await verified(machine, NVME)
    expect(after('pci.sriov.stable')).toBe('fail:changed')
    await disconnect(machine.kernel, NVME)
    await connect(machine.kernel, NVME)
    expect((await verified(machine, NVME))('pci.sriov.stable')).toBe('pass')
  })

  it('of a virtual function is that of the device it belongs to', async () => {
    const machine = await connected('nvme-host', NVME)
    await happen(machine, NVME, {do: 'vfs', count: 1})
    const vf = machine.kernel.list('/sys/bus/pci/devices').find(bdf => bdf.startsWith('0000:03:') && bdf !== NVME)!
    const bundle = await collectEvidence(machine.kernel, vf)
    expect(bundle.manifest.device.bdf).toBe(vf)
    expect(decodeIdeFacts(bundle.objects.get('ide')!).bdf).toBe(NVME)
  })

  it('there is none before the connect', async () => {
    const {kernel} = await make('gpu-host')
    const refused = collectEvidence(kernel, GPU)
    await expect(refused).rejects.toBeInstanceOf(TsmctlError)
    await expect(refused).rejects.toMatchObject({kind: 'transition', subject: GPU})
  })
})
