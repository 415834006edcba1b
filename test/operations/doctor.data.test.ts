/** `doctor` on real captures, which hold PCI and TSM but nothing about the host. */
import {existsSync, readdirSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {examineMachine} from '../../src/operations/index.js'

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

const TOPOLOGY = ['topology.root-port-ide', 'topology.endpoint-ide', 'topology.endpoint-tee']

describe.skipIf(!existsSync(data))('real machines (needs ../shared/data)', () => {
  it.each([
    // capture, use, what fails
    ['stock-6.12', 'host', ['kernel.tsm-core', ...TOPOLOGY]],
    ['0-stock', 'host', ['tsm.registered', ...TOPOLOGY]],
    ['1-no-tsm', 'host', ['tsm.registered']],
    ['2-tsm-loaded', 'host', []],
    ['3-connected', 'host', []],
    ['5-disconnected', 'host', []],
    ['6-devsec-loaded', 'guest', []],
    ['8-run', 'guest', []],
  ])('%s as a %s', async (capture, use, failed) => {
    const diagnosis = await examineMachine(openReplay(`${data}sysfs/${capture}.json`))
    expect(diagnosis.for).toBe(use)
    expect(diagnosis.checks.flatMap(({id, status}) => (status === 'FAIL' ? [id] : []))).toEqual(failed)
    for (const {id, status, reason} of diagnosis.checks)
      if (/^(?:amd|intel|guest)\.|platform\.cpu|privilege\.root/.test(id)) {
        expect([id, status]).toEqual([id, expect.stringMatching(/UNKNOWN|SKIP/)])
        expect(reason).toContain('not in this recording')
      }
  })

  it('finds in a connected machine what is there', async () => {
    const {checks} = await examineMachine(openReplay(`${data}sysfs/3-connected.json`))
    const byId = new Map(checks.map(check => [check.id as string, check]))
    expect(byId.get('tsm.connectable')!.items).toEqual(['0000:01:00.0', '0000:02:00.0', '0000:05:00.0', '0000:41:00.0'])
    expect(byId.get('topology.stream-slots')!.items).toEqual(['pci0000:00: 2 of 2 in use', 'pci0000:40: 1 of 2 in use'])
    expect(byId.get('topology.streams')!.reason).toBe('3 streams')
  })

  const dumps = existsSync(data) ? readdirSync(`${data}pci`).filter(name => name.endsWith('.dump')) : []
  it.each(dumps)('claims nothing about the kernel of %s', async name => {
    const {checks} = await examineMachine(openReplay(`${data}pci/${name}`))
    const claims = checks.filter(({id, status}) => !id.startsWith('topology.') && status === 'FAIL')
    expect(claims).toEqual([])
  })
})
