/** The cockpit's requests against a simulated machine, by way of the operations. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {createSimMachine, injectSimFault, openHost, readPolicy} from '../../src/operations/index.js'
import type {Cockpit, ViewLine} from '../../src/tui/cockpit.js'
import {operationsCockpit} from '../../src/tui/operations-cockpit.js'

const GPU = '0000:01:00.0'
const NVME = '0000:02:00.0'
const root = mkdtempSync(join(tmpdir(), 'tsmctl-cockpit-'))
afterAll(() => rmSync(root, {recursive: true, force: true}))
const quiet = (): void => undefined

interface Machine {
  readonly directory: string
  readonly cockpit: Cockpit
  state(bdf: string): Promise<string | undefined>
}

/** A machine of its own for each test, reviewed under `human`. */
async function machine(human = 'none'): Promise<Machine> {
  const directory = mkdtempSync(join(root, 'machine-'))
  const {policy} = await createSimMachine(directory, 'guest', {replace: true})
  writeFileSync(policy!, readFileSync(policy!, 'utf8').replaceAll('human: none', `human: ${human}`))
  const kernel = await openHost(`sim:${directory}`, process.env, 0, quiet)
  const options = {policy: readPolicy([policy!], kernel.now()), policyName: 'policy.yaml'}
  const cockpit = operationsCockpit(kernel, options)
  return {
    directory,
    cockpit,
    state: async wanted => (await cockpit.devices()).find(({bdf}) => bdf === wanted)?.state,
  }
}

describe('the cockpit on a simulated machine', () => {
  it('names the machine, and shows what can be reviewed first', async () => {
    const {cockpit, directory} = await machine()
    expect(cockpit.machine).toBe(`sim:${directory}`)
    const states = (await cockpit.devices()).map(({state}) => state)
    expect(states.slice(0, 3)).toEqual(['CONFIG_UNLOCKED', 'CONFIG_UNLOCKED', 'CONFIG_UNLOCKED'])
    expect(states.slice(3)).not.toContain('CONFIG_UNLOCKED')
  })

  it('reviews and accepts the good device, and binds its driver again', async () => {
    const {cockpit, state} = await machine()
    const steps: string[] = []
    const appraisal = await cockpit.review(GPU, line => steps.push(line))
    expect(appraisal.decision).toBe('accept')
    expect(await state(GPU)).toBe('CONFIG_LOCKED')
    expect(steps.length).toBeGreaterThan(2)
    for (const step of steps) expect(step.startsWith(GPU)).toBe(false)
    const typed = `${GPU} ${appraisal.shortD}`
    expect(await cockpit.accept(GPU, appraisal.D, {typed, reason: 'a reason to keep'}, quiet)).toContain('RUN')
    const [gpu] = await cockpit.devices()
    expect(gpu).toMatchObject({bdf: GPU, state: 'RUN'})
    expect(gpu?.driver).not.toBeNull()
  })

  it.each(['typed', 'confirm'])('hands on what was typed where the rule says human: %s', async human => {
    const {cockpit, state} = await machine(human)
    const appraisal = await cockpit.review(GPU, quiet)
    const accept = (typed: string) => cockpit.accept(GPU, appraisal.D, {typed, reason: 'a reason to keep'}, quiet)
    await expect(accept(`${GPU} 000000000000`)).rejects.toMatchObject({kind: 'review'})
    expect(await state(GPU)).toBe('CONFIG_LOCKED')
    await accept(`${GPU} ${appraisal.shortD}`)
    expect(await state(GPU)).toBe('RUN')
  })

  it('denies the bad device, never accepts it, and gives it back', async () => {
    const {cockpit, state} = await machine()
    const [before] = (await cockpit.devices()).filter(({bdf}) => bdf === NVME)
    const {decision, D, shortD} = await cockpit.review(NVME, quiet)
    expect(decision).toBe('deny')
    const accept = cockpit.accept(NVME, D, {typed: `${NVME} ${shortD}`, reason: 'a reason to keep'}, quiet)
    await expect(accept).rejects.toMatchObject({kind: 'denied'})
    expect(await state(NVME)).toBe('CONFIG_LOCKED')
    expect(await cockpit.reject(NVME, quiet)).toContain('CONFIG_UNLOCKED')
    expect((await cockpit.devices()).filter(({bdf}) => bdf === NVME)).toEqual([before])
  })

  it('closing ends what is under way, and nothing stays half done', async () => {
    const {cockpit, directory} = await machine()
    await injectSimFault(directory, {device: GPU, at: 'lock', do: 'delay', ms: 60_000})
    const review = cockpit.review(GPU, quiet)
    cockpit.close()
    await expect(review).rejects.toMatchObject({kind: 'interrupted'})
    const kernel = await openHost(`sim:${directory}`, process.env, 0, quiet)
    expect(kernel.read(`/sys/bus/pci/devices/${GPU}/tsm/lock`)).toEqual(new Uint8Array([10]))
    kernel.close()
  })
})

const FIRST = '0000:01:00.0'
const host = async (scenario: string): Promise<Machine> => {
  const directory = mkdtempSync(join(root, 'host-'))
  await createSimMachine(directory, scenario, {replace: true})
  const kernel = await openHost(`sim:${directory}`, process.env, 0, quiet)
  const cockpit = operationsCockpit(kernel, {policy: readPolicy([], kernel.now()), policyName: null})
  return {directory, cockpit, state: async bdf => (await cockpit.devices()).find(row => row.bdf === bdf)?.state}
}
const words = (lines: readonly ViewLine[]): string => lines.map(({text}) => text).join('\n')

describe('the cockpit on a simulated host', () => {
  it('looks, connects, shows both ends, and disconnects', async () => {
    const {cockpit, state} = await host('gpu-host')
    const before = await cockpit.look(FIRST, quiet)
    expect(before.refusal).toBeNull()
    expect(words(before.connection)).toContain('connect should succeed')
    expect(words(before.streams)).toContain('no stream')
    expect(await cockpit.host('connect', FIRST, quiet)).toContain('stream0.0.0 (Stream ID 0) secure at both ends')
    expect(await state(FIRST)).toBe('connected')
    const {streams} = await cockpit.look(FIRST, quiet)
    expect(words(streams)).toContain('stream0.0.0')
    expect(words(streams)).toContain('0000:00:01.1 to 0000:01:00.0')
    expect(await cockpit.host('disconnect', FIRST, quiet)).toContain('not connected')
    expect(await state(FIRST)).toBe('disconnected')
  })

  it('says why a connect will fail before anybody tries', async () => {
    const {cockpit} = await host('few-streams')
    for (const bdf of [FIRST, '0000:02:00.0']) await cockpit.host('connect', bdf, quiet)
    const {refusal, connection} = await cockpit.look('0000:03:00.0', quiet)
    expect(refusal ?? words(connection)).toMatch(/slot|EFAULT/)
    await expect(cockpit.host('disconnect', '0000:99:00.0', quiet)).rejects.toMatchObject({kind: 'not-found'})
  })

  it('a stream that came up at one end only is taken down, and the reason is told', async () => {
    const {cockpit, directory, state} = await host('gpu-host')
    await injectSimFault(directory, {device: FIRST, at: 'connect', do: 'one-sided', end: 'endpoint'})
    await expect(cockpit.host('connect', FIRST, quiet)).rejects.toMatchObject({kind: 'transition'})
    expect(await state(FIRST)).toBe('disconnected')
  })
})
