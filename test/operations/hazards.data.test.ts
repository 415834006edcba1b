/** The log of hazards on a real host: what a failing stream and an unprivileged caller see, and what we make of it. */
import {existsSync, readFileSync} from 'node:fs'
import {beforeAll, describe, expect, it} from 'vitest'
import type {Kernel} from '../../src/kernel/index.js'
import {connect, disconnect, listIde} from '../../src/operations/index.js'
import {injectFault} from '../../src/sim/index.js'
import {type Shell, shell} from '../sim/host-machines.js'
import {attributePath, machines, type TestMachine} from '../sim/machines.js'

const LOG = new URL('../../../shared/data/sysfs/abi-hazards.log', import.meta.url)
const MISSING = existsSync(LOG) ? '' : ' (skipped: no ../shared/data/sysfs)'
const lines = MISSING === '' ? readFileSync(LOG, 'utf8').split('\n') : []

/** Lines between the heading that contains `title` and the next. */
function section(title: string): string[] {
  const from = lines.findIndex(line => line.startsWith('#') && line.includes(title)) + 1
  const length = lines.slice(from).findIndex(line => line.startsWith('#'))
  return lines.slice(from, from + length)
}

const DEVICE = '0000:01:00.0'
const SCENARIO = `
title: One device with a stream
provider: {like: generic}
bridges: [{at: "0000:00"}]
ports: [{at: "0000:00:03.0", bus: 1, ide: {selective: 4}}]
devices: [{at: "${DEVICE}", kind: nvme, ide: {selective: 4}}]
`
const unescape = (text: string): string => text.replace(/\\n$/, '')

describe.skipIf(MISSING !== '')(`the log of hazards${MISSING}`, () => {
  const make = machines()
  let machine: TestMachine

  beforeAll(async () => {
    machine = await make({name: 'hazards', text: SCENARIO})
    await machine.write(DEVICE, 'tsm/connect', 'tsm0')
  })

  it('a failed stream leaves connect, authenticated and the pool as they were, and only ide list notices', async () => {
    await injectFault(machine.directory, {device: DEVICE, at: 'now', do: 'ide-fail', block: 0})
    const {read, bridge} = shell(machine)
    const said = section('IDE failure').flatMap(line => {
      const [, place, text] = /^read {2}(\S+) -> "(.*)"$/.exec(line) ?? []
      if (place !== undefined) return [[read(place), unescape(text!)]]
      const [, streams] = /available_secure_streams (.*)$/.exec(line) ?? []
      return streams === undefined ? [] : [[bridge('pci0000:00'), streams]]
    })
    expect(said).toHaveLength(3)
    for (const [got, wanted] of said) expect(got).toBe(wanted)
    const {findings} = (await listIde(machine.kernel)).list
    expect(findings.map(({code}) => code)).toContain('stream-fail-received')
  })

  describe('an unprivileged caller', () => {
    let kernel: Kernel
    let user: Shell

    beforeAll(() => {
      kernel = machine.open({privileged: false})
      user = shell({kernel})
    })

    it('gets the answers of the log', async () => {
      const said = section('unprivileged caller').map(line => line.trim())
      expect(said.length).toBeGreaterThan(12)
      const answers = await Promise.all(
        said.map(async (line): Promise<readonly (string | undefined)[]> => {
          const [, attribute, text] = /^read (tsm\/\S+|authenticated|doe_features\/\S+) -> "(.*)"$/.exec(line) ?? []
          if (attribute !== undefined) return [user.read(`${DEVICE}/${attribute}`), unescape(text!)]
          const [, verb, errno] = /^write (tsm\/\S+) -> "(.*)"$/.exec(line) ?? []
          if (verb !== undefined) return [await user.write(`${DEVICE}/${verb}`, 'tsm0'), errno]
          const [, bytes] = /^config bytes -> (\d+)$/.exec(line) ?? []
          if (bytes !== undefined) return [String(kernel.read(attributePath(DEVICE, 'config')).length), bytes]
          const [, streams] = /^streams -> \["(.*)"\]$/.exec(line) ?? []
          return streams === undefined ? [] : [user.bridge('pci0000:00').split(' ')[0], streams]
        }),
      )
      const compared = answers.filter(({length}) => length > 0)
      expect(compared).toHaveLength(9)
      for (const [got, wanted] of compared) expect(got).toBe(wanted)
    })

    it('is told by connect and disconnect that it is privilege that lacks, and nothing is claimed', async () => {
      // registers cannot be read, so a stream can be called neither secure nor lost
      const found = await connect(kernel, DEVICE).then(
        ({failure}) => failure,
        (error: unknown) => error,
      )
      expect(found).toMatchObject({kind: 'not-permitted', got: expect.stringContaining('CAP_SYS_ADMIN')})
      await expect(disconnect(kernel, DEVICE)).rejects.toMatchObject({kind: 'not-permitted'})
    })
  })
})
