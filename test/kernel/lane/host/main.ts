/** `npm run test:kernel`: makes what a machine boots from, boots it, runs the specs in it, tells how they went. */
import {mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs'
import {homedir, tmpdir} from 'node:os'
import {join} from 'node:path'
import {parseArgs} from 'node:util'
import {build} from 'esbuild'
import {boot, type Booted} from './boot.js'
import {bundleFor, type Bundle} from './bundle.js'
import {LaneFailure} from './failure.js'
import {type KernelSeries, KERNELS} from './kernels.js'

const lane = join(process.cwd(), 'test/kernel/lane')
const cache =
  process.env['TSMCTL_KERNEL_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tsmctl-kernel-lane')
const TIMEOUT = 150
/** Lines of the console that a failure shows. */
const LAST_LINES = 40

const started = performance.now()
const say = (line: string): void => console.error(`[${((performance.now() - started) / 1000).toFixed(0)} s] ${line}`)

const VITEST_CONFIG = `export default {
  cacheDir: '/run/vite',
  test: {
    include: ['specs/*.spec.mjs'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    isolate: false,
    // bundled already: Node loads them as they are, in a tenth of the time
    experimental: {viteModuleRunner: false, nodeLoader: false},
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['verbose', ['json', {outputFile: '/mnt/out/results.json'}]],
  },
}
`

/** Bundles the specs of one directory into the share. */
async function bundleSpecs(name: string, share: string, only: string | undefined): Promise<void> {
  const directory = join(lane, 'specs', name)
  const files = readdirSync(directory).filter(file => file.endsWith('.spec.ts') && file.includes(only ?? ''))
  await build({
    absWorkingDir: process.cwd(),
    entryPoints: files.map(file => join(directory, file)),
    outdir: join(share, 'specs'),
    outExtension: {'.js': '.mjs'},
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'warning',
  })
  writeFileSync(join(share, 'vitest.config.mjs'), VITEST_CONFIG)
}

async function runSpecs(bundle: Bundle, name: string, only: string | undefined, signal: AbortSignal): Promise<Booted> {
  const share = mkdtempSync(join(tmpdir(), 'tsmctl-kernel-'))
  try {
    mkdirSync(join(share, 'specs'))
    await bundleSpecs(name, share, only)
    return await boot({
      bundle,
      share,
      checkout: process.cwd(),
      command: 'cd /mnt && CI=1 node /repo/node_modules/vitest/vitest.mjs run --root /mnt --configLoader native',
      timeout: TIMEOUT,
      processors: 1,
      signal,
      onLine: line => console.log(`${name}: ${line}`),
    })
  } finally {
    if (process.env['TSMCTL_KERNEL_KEEP'] === undefined) rmSync(share, {recursive: true, force: true})
    else say(`kept ${share}`)
  }
}

function chosen(series: string | undefined): readonly KernelSeries[] {
  if (series === undefined) return KERNELS.slice(0, 1)
  if (series === 'all') return KERNELS
  const found = KERNELS.filter(kernel => kernel.series === series)
  if (found.length > 0) return found
  throw new LaneFailure(`test kernel ${series}`, `the lane knows ${KERNELS.map(kernel => kernel.series).join(', ')}`)
}

async function main(): Promise<number> {
  const {values} = parseArgs({options: {kernel: {type: 'string'}, machine: {type: 'string'}, only: {type: 'string'}}})
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  mkdirSync(cache, {recursive: true})
  let failed = 0
  for (const kernel of chosen(values.kernel)) {
    // one kernel after the other: each uses all processors
    // oxlint-disable-next-line no-await-in-loop
    const bundle = await bundleFor(kernel, cache, {modules: join(lane, 'modules'), init: join(lane, 'guest/init')}, say)
    say(`boot ${bundle.release}`)
    const names = kernel.specs.filter(name => values.machine === undefined || values.machine === name)
    // oxlint-disable-next-line no-await-in-loop
    const ends = await Promise.all(names.map(name => runSpecs(bundle, name, values.only, controller.signal)))
    ends.forEach(({end, status, console: text}, i) => {
      say(`${bundle.release}, ${names[i]}: ${end}, status ${status ?? 'none'}`)
      if (status === 0) return
      failed += 1
      console.error(text.trimEnd().split('\n').slice(-LAST_LINES).join('\n'))
    })
  }
  return failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof LaneFailure)) throw error
  console.error(error.message)
  process.exitCode = 1
}
