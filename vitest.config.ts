import {dirname, join, relative, resolve} from 'node:path'
import {defineConfig} from 'vitest/config'
import {TRANSPILED} from './test/support/transpile.ts'

const SOURCES = join(import.meta.dirname, 'src/')

/**
 * Leads from a test's import of `src/` to what test/support/transpile.ts made of it. An import with `?fresh` gets modules
 * of vitest, which `vi.resetModules` makes anew.
 */
const transpiledSources = {
  name: 'transpiled-sources',
  enforce: 'pre' as const,
  resolveId(specifier: string, importer?: string) {
    if (importer === undefined || importer.startsWith(SOURCES) || !specifier.startsWith('.')) return
    const path = resolve(dirname(importer), specifier)
    if (!path.startsWith(SOURCES) || path.endsWith('?fresh')) return
    return join(TRANSPILED, relative(SOURCES, path))
  },
}

export default defineConfig({
  plugins: [transpiledSources],
  test: {
    globalSetup: ['./test/support/scratch.ts', './test/support/transpile.ts'],
    include: ['test/**/*.test.{ts,tsx}'],
    server: {deps: {external: [/\/node_modules\/\.tsmctl-tests\//]}},
    deps: {interopDefault: false},
    forceRerunTriggers: ['**/package.json', '**/vitest.config.*', '**/src/**'],
    execArgv: ['--enable-source-maps'], // a failure in a source names its line
    pool: 'forks', // workers would share one process title, cwd and umask
    isolate: false, // one start-up per worker instead of one per file; tests must not leak globals
    disableConsoleIntercept: true, // otherwise @oclif/test captures an empty stdout
    maxWorkers: '100%', // the default leaves one processor idle, which of two is half
    testTimeout: 20_000,
    env: {TZ: 'UTC', FORCE_COLOR: '0'},
  },
})
