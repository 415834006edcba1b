/** The built program in a real terminal, on a simulated machine: needs script(1) of util-linux and `npm run build`. */
import {existsSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest'
import {createSimMachine, injectSimFault} from '../../src/operations/index.js'
import {root, tsmctl} from '../commands/run.js'
import {hasScript, openPty, type Pty} from './pty.js'

const built = existsSync(join(root, 'dist/commands/tui.js'))
const SIZE = {columns: 80, rows: 24}
const GOOD = '0000:01:00.0'
const BAD = '0000:02:00.0'
const directory = mkdtempSync(join(tmpdir(), 'tsmctl-tui-'))
const running: Pty[] = []

function tui(env: NodeJS.ProcessEnv = {}, options = `--policy ${directory}/policy.yaml`, machine = directory): Pty {
  const command = `node ${root}bin/tsmctl.cjs tui --host sim:${machine} ${options}`
  // CI is how this test runs, and how a session over SSH may look
  const pty = openPty(command, SIZE, {...process.env, CI: 'true', ...env})
  running.push(pty)
  return pty
}

const row = (bdf: string, words: string) => (screen: string) =>
  screen.split('\n').some(line => line.slice(2).startsWith(bdf) && line.includes(words))

/** How the program ended, and what it left of the terminal. Cooked mode is what a shell needs. */
async function ended(pty: Pty): Promise<unknown> {
  const status = await pty.exit
  return {
    status,
    alternate: pty.alternate(),
    cursor: pty.cursorVisible(),
    cooked: / icanon .*\becho\b/s.test(pty.settings()),
  }
}

const restored = (status: number): unknown => ({status, alternate: false, cursor: true, cooked: true})

beforeAll(async () => {
  await createSimMachine(directory, 'guest', {replace: true})
})
afterEach(() => {
  for (const pty of running.splice(0)) pty.kill()
})
afterAll(() => rmSync(directory, {recursive: true, force: true}))

describe.skipIf(!hasScript() || !built)('the cockpit in a terminal (needs script(1) and npm run build)', () => {
  it('reviews and accepts one device, rejects another, and leaves the terminal as it was', async () => {
    const pty = tui()
    await pty.until(row(GOOD, 'UNLOCKED'))
    expect(pty.alternate()).toBe(true)
    pty.type('v')
    await pty.until(row(GOOD, 'ACCEPT'))
    expect(pty.screen()).toContain('matches policy simulated-machine')
    const digest = /D ([0-9a-f]{12})/.exec(pty.screen())![1]!
    // what stands against it has to be paged through before a works
    pty.type(`l${'\x1b[6~'.repeat(10)}`)
    await pty.until(screen => !screen.includes('(a accept)'))
    pty.type('a')
    // the policy relaxes what a simulated machine cannot state, and whoever accepts that says why
    await pty.shows('it is kept in the audit log')
    pty.type('simulated machine\r')
    await pty.shows('tries left')
    pty.type(`${GOOD} ${digest}\r`)
    await pty.until(row(GOOD, 'RUN       ACCEPTED'))

    pty.type('hjv')
    await pty.until(row(BAD, 'LOCKED    DENY'))
    pty.type('a')
    await pty.shows('no key overrides it')
    pty.type('r')
    await pty.shows('What was reviewed is void')
    pty.type('y')
    await pty.until(row(BAD, 'UNLOCKED  REJECTED'))

    pty.type('q')
    expect(await ended(pty)).toEqual(restored(0))
    expect(pty.screen()).toContain(`Devices stay as they are: ${GOOD} RUN.`)
  }, 60_000)

  it('follows the size of the terminal', async () => {
    const pty = tui()
    await pty.until(row(GOOD, ''))
    pty.resize(120, 40)
    await pty.until(screen => screen.split('\n').some(line => line.length === 120))
    pty.resize(50, 10)
    await pty.shows('too small: 50x10')
    pty.resize(90, 30)
    await pty.until(row(GOOD, ''))
    pty.type('q')
    expect(await ended(pty)).toEqual(restored(0))
  })

  it.each([
    ['SIGTERM', 130],
    ['SIGINT', 130],
  ] as const)('gives the terminal back on %s', async (signal, status) => {
    const pty = tui()
    await pty.until(row(GOOD, ''))
    pty.signal(signal)
    expect(await ended(pty)).toEqual(restored(status))
    expect(pty.screen()).toContain('devices stay as they are')
  })

  it('Ctrl-C leaves at once', async () => {
    const pty = tui()
    await pty.until(row(GOOD, ''))
    pty.type('\x03')
    expect(await ended(pty)).toEqual(restored(0))
  })

  it('a connect that the kernel has begun is waited for, and left to the kernel on demand', async () => {
    const machine = join(directory, 'host')
    await createSimMachine(machine, 'gpu-host', {replace: true})
    await injectSimFault(machine, {device: GOOD, at: 'connect', do: 'delay', ms: 60_000})
    const pty = tui({}, '', machine)
    await pty.until(row(GOOD, 'not conn.'))
    pty.type('v')
    await pty.shows('connect should')
    pty.type('c')
    await pty.shows('It can take seconds.')
    pty.type('y')
    await pty.shows('echo tsm0')
    pty.signal('SIGTERM')
    await pty.shows('Waiting for what is under way')
    pty.signal('SIGTERM')
    expect(await ended(pty)).toEqual(restored(130))
    expect(pty.screen().replaceAll(/\s+/g, ' ')).toMatch(/SIGTERM; .*may yet complete/)
  })

  it('without a policy every review ends in deny', async () => {
    const pty = tui({}, '')
    await pty.shows('policy none')
    pty.type('jjv')
    await pty.until(screen => screen.includes('DENY  no usable policy'))
    pty.type('q')
    expect(await ended(pty)).toEqual(restored(0))
  })

  it('NO_COLOR takes the colours away, and no word', async () => {
    const pty = tui({NO_COLOR: '1'})
    await pty.until(row(GOOD, ''))
    pty.type('q')
    expect(await ended(pty)).toEqual(restored(0))
    // oxlint-disable-next-line no-control-regex
    expect(pty.output()).not.toMatch(/\x1b\[(?:3[0-7]|9[0-7]|38)[;m]/)
  })

  it('refuses everything but a terminal with exit code 2 and a way out', () => {
    const {code, out, err} = tsmctl(['tui', '--host', `sim:${directory}`])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('have to be a terminal')
    expect(err).toContain('tsmctl list --json')
  })
})
