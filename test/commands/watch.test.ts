/** `watch` as people and scripts run it: lines, documents under their schema, signals, closed pipes. */
import {once} from 'node:events'
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as v from 'valibot'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {WATCH_EVENT} from '../../src/cli/schemas/index.js'
import {parseInterval} from '../../src/cli/interval.js'
import {createSimMachine} from '../../src/operations/index.js'
import {injectFault, machineStatus} from '../../src/sim/index.js'
import {root, start, tsmctl} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-watch-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const machine = join(scratch, 'guest')
const policy = join(machine, 'policy.yaml')
const host = `sim:${machine}`
const GOOD = '0000:01:00.0'
const MISFIT = '0000:03:00.0'
beforeAll(() => createSimMachine(machine, 'guest'))

// oxlint-disable-next-line typescript/no-explicit-any
type Document = any

/** Every line as a document, each valid under the schema and numbered without a gap. */
function documents(out: string): Document[] {
  const lines = out.split('\n')
  expect(lines.pop()).toBe('')
  const found = lines.map(line => JSON.parse(line) as Document)
  for (const document of found) {
    const {issues} = v.safeParse(WATCH_EVENT, document)
    expect(issues?.map(issue => `${v.getDotPath(issue)}: ${issue.message}`)).toBeUndefined()
  }
  expect(found.map(({seq}) => seq)).toEqual(found.map((_, index) => index))
  return found
}

/** A program under way, and what it has printed. */
function running(args: readonly string[]) {
  const child = start(args, {host})
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  return {
    child,
    text: () => out,
    async until(pattern: RegExp): Promise<void> {
      while (!pattern.test(out)) await once(child.stdout, 'data')
    },
    async ended(): Promise<number | null> {
      const [code] = (await once(child, 'close')) as [number | null]
      return code
    },
  }
}

it.each([
  ['100ms', 100],
  ['2', 2000],
  ['1.5s', 1500],
  ['1h', 3_600_000],
])('understands the interval %s', (text, milliseconds) => expect(parseInterval(text)).toBe(milliseconds))

it.each(['', '0', '99ms', '2h', '1e3', 'soon', '-1s', '1 s'])('refuses the interval "%s"', text =>
  expect(() => parseInterval(text)).toThrow(/interval/),
)

describe.skipIf(!existsSync(join(root, 'dist')))('tsmctl watch (needs a build)', () => {
  it('prints the present state in aligned lines, and ends under --once', () => {
    const {code, out, err} = tsmctl(['watch', '--once'], {host})
    expect({code, err}).toEqual({code: 0, err: ''})
    const lines = out.trimEnd().split('\n')
    expect(lines.every(line => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {2}/.test(line))).toBe(true)
    expect(lines.map(line => line.slice(26))).toEqual([
      'tsm0          state      mode=devsec parent=/sys/devices/faux/sim_devsec_tsm',
      '0000:00:01.0  state      id=7e57:0100 driver=pcieport',
      '0000:00:02.0  state      id=7e57:0100 driver=pcieport',
      '0000:00:03.0  state      id=7e57:0100 driver=pcieport',
      '0000:00:10.0  state      id=1af4:1041 driver=virtio-pci',
      '0000:01:00.0  state      id=7e57:0001 driver=acmegpu state=CONFIG_UNLOCKED',
      '0000:02:00.0  state      id=7e57:0002 driver=nvme state=CONFIG_UNLOCKED',
      '0000:03:00.0  state      id=7e57:0003 driver=acmenic state=CONFIG_UNLOCKED',
      '-             watching   7 PCI functions, 1 TSM',
    ])
  })

  it('prints the same as documents', () => {
    const {code, out, err} = tsmctl(['watch', GOOD, '--once', '--json'], {host})
    expect({code, err}).toEqual({code: 0, err: ''})
    const found = documents(out)
    expect(found.map(({kind}) => kind)).toEqual(['begin', 'state', 'state', 'watching', 'end'])
    expect(found[2]).toMatchObject({
      schema: 'tsmctl.watch-event/1',
      subject: 'function',
      bdf: GOOD,
      facts: {id: '7e57:0001', driver: 'acmegpu', state: 'CONFIG_UNLOCKED', tsm: null},
      unknown: [],
    })
  })

  it('tells transitions until SIGTERM ends it with 0', async () => {
    const watching = running(['watch', '--json', '--interval', '100ms'])
    await watching.until(/"kind":"watching"/)
    expect(tsmctl(['lock', GOOD], {host}).code).toBe(0)
    await watching.until(/"to":"CONFIG_LOCKED"/)
    expect(tsmctl(['unlock', GOOD, '--rebind'], {host}).code).toBe(0)
    await watching.until(/"to":"CONFIG_UNLOCKED"/)
    watching.child.kill('SIGTERM')
    expect(await watching.ended()).toBe(0)
    const states = documents(watching.text()).flatMap(({what, from, to}) =>
      what === 'state' ? [`${from} > ${to}`] : [],
    )
    expect(states).toEqual(['CONFIG_UNLOCKED > CONFIG_LOCKED', 'CONFIG_LOCKED > CONFIG_UNLOCKED'])
  })

  it('ends with 130 on Ctrl-C', async () => {
    const watching = running(['watch', '--json'])
    await watching.until(/"kind":"watching"/)
    watching.child.kill('SIGINT')
    expect(await watching.ended()).toBe(130)
    expect(documents(watching.text()).at(-1)).toMatchObject({kind: 'end', error: {kind: 'interrupted', exit: 130}})
  })

  it('ends quietly when nobody reads on, once the admission under way is over', async () => {
    await injectFault(machine, {device: GOOD, at: 'evidence', do: 'delay', ms: 300})
    const watching = running(['watch', GOOD, '--policy', policy])
    await watching.until(/begun/)
    watching.child.stdout.destroy()
    expect(await watching.ended()).toBe(0)
    const {devices, violations} = machineStatus(machine)
    expect(violations).toEqual([])
    expect(['CONFIG_UNLOCKED', 'RUN']).toContain(devices[0]!.tdi)
    expect(devices[0]!.driver).toBe('acmegpu')
  })

  it('admits once and ends as admit would: a denied device is exit code 4', () => {
    const {code, out} = tsmctl(['watch', MISFIT, '--once', '--policy', policy, '--json'], {host})
    expect(code).toBe(4)
    const outcomes = documents(out).flatMap(({kind, outcome}) => (kind === 'admission' ? [outcome] : []))
    expect(outcomes).toEqual(['begun', 'denied'])
    expect(documents(out).at(-1)).toMatchObject({kind: 'end', error: {kind: 'denied', exit: 4}})
  })

  it('says of a recorded host that nothing can happen, and admits nobody there', () => {
    const capture = join(scratch, 'guest.json')
    expect(tsmctl(['record', capture], {host}).code).toBe(0)
    const {code, out} = tsmctl(['watch'], {host: `replay:${capture}`})
    expect(code).toBe(0)
    expect(out).toContain('state=CONFIG_UNLOCKED')
    expect(out).toContain('nothing can happen on a recorded host')
    expect(tsmctl(['watch', '--policy', policy], {host: `replay:${capture}`}).code).toBe(2)
  })

  it.each([
    [['watch', 'nonsense'], 2],
    [['watch', '--interval', '1ms'], 2],
    [['watch', '--policy', join(scratch, 'none.yaml')], 11],
  ])('refuses %j with %i, under --json in one line', (args, exit) => {
    const {code, out} = tsmctl([...args, '--json'], {host})
    expect(code).toBe(exit)
    expect(
      documents(out.slice(out.lastIndexOf('\n', out.length - 2) + 1).replace(/"seq":\d+/, '"seq":0')).at(-1),
    ).toMatchObject({kind: 'end', error: {exit}})
  })

  it('has a schema that ships', () => {
    expect(readFileSync(join(root, 'schema/watch-event-1.json'), 'utf8')).toContain('tsmctl.watch-event/1')
  })
})
