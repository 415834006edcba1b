import {defineConfig} from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: './test/support/scratch.ts',
    include: ['test/**/*.test.{ts,tsx}'],
    pool: 'forks', // workers would share one process title, cwd and umask
    isolate: false, // one start-up per worker instead of one per file; tests must not leak globals
    disableConsoleIntercept: true, // otherwise @oclif/test captures an empty stdout
    maxWorkers: '100%', // the default leaves one processor idle, which of two is half
    testTimeout: 20_000,
    env: {TZ: 'UTC', FORCE_COLOR: '0'},
  },
})
