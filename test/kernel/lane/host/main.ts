/** `npm run test:kernel`: makes what a machine boots from, boots it, runs the specs in it, tells how they went. */
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {type Bundle, bundleFor, digestOfSources, type Workshop} from './bundle.js'
import {type Cache, openCache} from './cache.js'
import {ENDING, explain, Interrupted, LaneFailure} from './failure.js'
import {jobsOf} from './jobs.js'
import {chosenKernels, type KernelSeries} from './kernels.js'
import {cacheDirectory, type Options, readOptions} from './options.js'
import {openPack, pack} from './pack.js'
import {openPackages, type Packages} from './packages.js'
import {runJob} from './run-job.js'
import {specFiles} from './specs.js'

const checkout = process.cwd()
const lane = join(checkout, 'test/kernel/lane')
const sources = {
  modules: join(lane, 'modules'),
  init: join(lane, 'guest/init'),
  nodelay: join(lane, 'host/nodelay.c'),
}
const logs = join(checkout, 'node_modules/.cache/tsmctl-kernel-lane')

const started = performance.now()
const say = (line: string): void => console.log(`[${((performance.now() - started) / 1000).toFixed(0)} s] ${line}`)

/** Runs `work` for every item, a few at a time, in order of the items. */
async function pool<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async (): Promise<void> => {
    // one after the other: `size` of these run
    // oxlint-disable-next-line no-await-in-loop
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({length: size}, worker))
}

/** Bundles of some kernels, made of Debian's packages. */
async function makeBundles(
  kernels: readonly KernelSeries[],
  scratch: string,
  cache: Cache,
  directory: string,
  signal: AbortSignal,
  isRefresh: boolean,
): Promise<readonly Bundle[]> {
  let opened: Promise<Packages> | undefined
  const packages = (): Promise<Packages> => {
    if (opened === undefined) say('get the package lists')
    return (opened ??= openPackages(join(scratch, 'apt'), signal))
  }
  const workshop: Workshop = {cache, directory, signal, say, packages, isRefresh}
  const bundles: Bundle[] = []
  // one after the other: they share what the first one makes
  // oxlint-disable-next-line no-await-in-loop
  for (const kernel of kernels) bundles.push(await bundleFor(kernel, sources, workshop))
  return bundles
}

async function run(options: Options, signal: AbortSignal): Promise<boolean> {
  if (process.arch !== 'x64' || process.platform !== 'linux')
    throw new LaneFailure(
      'boot a machine',
      `this is ${process.platform} ${process.arch}`,
      'The lane needs Linux on x86-64.',
    )
  const kernels = chosenKernels(options.kernel)
  const jobs = jobsOf(kernels, options)
    .map(job => ({...job, files: specFiles(lane, job.specs, job.only, options.isQuick)}))
    .filter(({files}) => files.length > 0)
  if (jobs.length === 0) throw new LaneFailure('run specs', 'no file has such a name')
  const directory = cacheDirectory(process.env)
  const cache = openCache(directory)
  return cache.scratch(async scratch => {
    const open =
      options.bundle === undefined
        ? undefined
        : await openPack(options.bundle, join(scratch, 'pack'), digestOfSources(sources), signal)
    const bundles =
      open === undefined
        ? await makeBundles(kernels, scratch, cache, directory, signal, options.isRefresh)
        : kernels.map(open)
    if (options.pack !== undefined) {
      const pairs = kernels.map((kernel, i) => [kernel, bundles[i]!] as const)
      await pack(options.pack, pairs, digestOfSources(sources), cache, signal)
      say(`packed ${options.pack}`)
      return true
    }
    say(`boot ${bundles.map(({release}) => release).join(', ')}`)
    const place = {checkout, lane, logs, signal, say, isVerbose: options.isVerbose}
    let failures = 0
    await pool(jobs, availableParallelism(), async job => {
      const bundle = bundles[kernels.indexOf(job.kernel)]!
      if (!(await runJob(job, job.files, bundle, place))) failures += 1
    })
    return failures === 0
  })
}

const controller = new AbortController()
for (const name of Object.keys(ENDING) as (keyof typeof ENDING)[])
  process.on(name, () => controller.abort(new Interrupted(name)))
try {
  process.exitCode = (await run(readOptions(process.argv.slice(2)), controller.signal)) ? 0 : 1
} catch (error) {
  // whatever else is under way ends too
  controller.abort(error)
  const explanation = explain(error)
  if (explanation === undefined) throw error
  console.error(explanation)
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1
}
