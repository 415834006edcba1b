/** The fast path must be invisible: the same bytes and exit code with and without it, also for what it must decline. */
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {root, tsmctl} from './run.js'

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
    const fast = tsmctl(argv, {env: {TSMCTL_FAST: '1'}})
    expect(fast).toEqual(tsmctl(argv, {env: {TSMCTL_FAST: '0'}}))
    expect(fast.out + fast.err).not.toBe('')
  })
})
