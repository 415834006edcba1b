import {mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {createMachine, KINDS_AT, machineStatus, SCENARIO_GROUPS} from '../../src/sim/index.js'

interface Schema {
  readonly items?: {readonly properties: Record<string, unknown>}
}

const page = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8')

it('the scenarios in the documentation make machines', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsmctl-docs-'))
  try {
    const texts = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(match => match[1]!)
    const [text, hostile, host] = texts as [string, string, string]
    expect(texts).toHaveLength(3)
    await createMachine(join(directory, 'hostile'), {name: 'documentation', text: hostile})
    expect(machineStatus(join(directory, 'hostile')).devices).toHaveLength(3)
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

it('the documentation names every key of both languages', () => {
  const schema = JSON.parse(readFileSync(new URL('../../schema/scenario.json', import.meta.url), 'utf8'))
  const keys = schema.anyOf.flatMap(({properties}: {properties: Record<string, Schema>}) => [
    ...Object.keys(properties),
    ...Object.keys(properties['devices']!.items!.properties),
  ])
  expect(keys.length).toBeGreaterThan(30)
  expect([...new Set(keys)].filter(key => !page.includes(`\`${key}\``) && !page.includes(`\n${key}:`))).toEqual([])
})

it('the lab is described with scenarios that there are', () => {
  const lab = readFileSync(new URL('../../docs/lab.md', import.meta.url), 'utf8')
  const table = lab.slice(lab.indexOf('## Honest'), lab.indexOf('In `sample-kernel`'))
  const named = [...table.matchAll(/^\| (`[^|]*)\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(m => m[1]!),
  )
  expect(named.toSorted()).toEqual([...SCENARIO_GROUPS.guests, ...SCENARIO_GROUPS.hosts].toSorted())
})
