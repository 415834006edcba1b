/**
 * The fast path must be invisible: the same bytes and exit code with and without it, also for what it must decline. Its
 * process is compared with the thread, where everything goes through oclif; so are the two ways to run a test.
 */
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {root, tsmctl, tsmctlProcess} from './run.js'

const capture = 'replay:fixtures/captures/host-connected.json'

describe.skipIf(!existsSync(join(root, 'dist')))('with and without the fast path (needs a build)', () => {
  it.each([
    ['--version'],
    ['list'],
    ['list --json'],
    ['list --tree'],
    [`list --host ${capture}`],
    [`list --tree --json --host ${capture}`],
    ['list --host replay:/nowhere'],
    ['list --host nonsense'],
    ['list --help'],
    ['list --jso'],
    ['list --bogus --json'],
    ['list extra'],
    ['list --host'],
    ['lst'],
  ])('%s', line => {
    const argv = line.split(' ')
    const fast = tsmctlProcess(argv)
    expect(fast).toEqual(tsmctl(argv))
    expect(fast.out + fast.err).not.toBe('')
  })
})
