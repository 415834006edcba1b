import {mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {createMachine, KINDS_AT, machineStatus} from '../../src/sim/index.js'

const page = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8')

it('the scenarios in the documentation make machines', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsmctl-docs-'))
  try {
    const [text, host] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(match => match[1]!) as [string, string]
    await createMachine(join(directory, 'machine'), {name: 'documentation', text})
    const {devices, faults} = machineStatus(join(directory, 'machine'))
    expect(devices.map(({model}) => model)).toContain('SIMGPU9')
    expect(faults).toHaveLength(1)
    await createMachine(join(directory, 'host'), {name: 'documentation', text: host})
    const status = machineStatus(join(directory, 'host'))
    expect(status.host).toMatchObject({tsm: 'tsm0', bridges: [{claimed: [7]}, {claimed: []}]})
    expect(status.faults).toHaveLength(1)
  } finally {
    rmSync(directory, {recursive: true})
  }
})

it('the documentation names every kind of fault', () => {
  for (const kind of new Set(Object.values(KINDS_AT).flat())) expect(page).toContain(`\`${kind}\``)
})
