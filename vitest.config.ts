import {accessSync, constants, statfsSync} from 'node:fs'
import {defineConfig} from 'vitest/config'

const MEMORY = '/dev/shm'
const ENOUGH = 512 * 1024 * 1024

/** Hundreds of simulated machines are made, synced and thrown away: in memory, where there is room. */
function inMemory(): {TMPDIR?: string} {
  try {
    accessSync(MEMORY, constants.W_OK)
    const {bavail, bsize} = statfsSync(MEMORY)
    return bavail * bsize >= ENOUGH ? {TMPDIR: MEMORY} : {}
  } catch {
    return {}
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    pool: 'forks', // workers would share one process title, cwd and umask
    isolate: false, // one start-up per worker instead of one per file; tests must not leak globals
    disableConsoleIntercept: true, // otherwise @oclif/test captures an empty stdout
    maxWorkers: '100%', // the default leaves one processor idle, which of two is half
    testTimeout: 20_000,
    env: {TZ: 'UTC', FORCE_COLOR: '0', ...inMemory()},
  },
})
