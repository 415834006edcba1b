/** Bundles in one file, for systems without Debian: made where there is Debian, booted anywhere with a Linux of this architecture. */
import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {Bundle} from './bundle.js'
import type {Cache} from './cache.js'
import {runProgram} from './command.js'
import {LaneFailure} from './failure.js'
import type {KernelSeries} from './kernels.js'

const MANIFEST = 'bundle.json'

interface Manifest {
  /** Digest of the test modules and the guest's init. */
  readonly sources: string
  /** Releases by series. */
  readonly kernels: Readonly<Record<string, string>>
}

/** Writes bundles, all with the same machine, into one compressed file. */
export async function pack(
  file: string,
  bundles: readonly (readonly [KernelSeries, Bundle])[],
  sources: string,
  cache: Cache,
  signal: AbortSignal,
): Promise<void> {
  await cache.scratch(async directory => {
    const machines = new Set(bundles.map(([, {machine}]) => machine))
    if (machines.size !== 1) throw new LaneFailure('pack', 'the kernels need different machines', 'Add --refresh.')
    cpSync([...machines][0]!, join(directory, 'machine'), {recursive: true, verbatimSymlinks: true})
    for (const [{series}, {kernel}] of bundles) cpSync(kernel, join(directory, `kernel-${series}`), {recursive: true})
    const kernels = Object.fromEntries(bundles.map(([{series}, {release}]) => [series, release]))
    writeFileSync(join(directory, MANIFEST), JSON.stringify({sources, kernels} satisfies Manifest))
    await runProgram(`write ${file}`, ['tar', '-C', directory, '-czf', file, ...readdirSync(directory)], {signal})
  })
}

/** Bundles from a packed file, unpacked into `directory`, or from a directory where that was done. */
export async function openPack(
  file: string,
  directory: string,
  sources: string,
  signal: AbortSignal,
): Promise<(kernel: KernelSeries) => Bundle> {
  const attempted = `use the bundle ${file}`
  if (!existsSync(file)) throw new LaneFailure(attempted, 'there is no such file')
  const isUnpacked = existsSync(join(file, MANIFEST))
  const place = isUnpacked ? file : directory
  if (!isUnpacked) {
    mkdirSync(directory, {recursive: true})
    await runProgram(attempted, ['tar', '-C', directory, '-xzf', file], {signal, hint: 'Make it with --pack.'})
  }
  if (!existsSync(join(place, MANIFEST))) throw new LaneFailure(attempted, 'it is not one', 'Make it with --pack.')
  const manifest = JSON.parse(readFileSync(join(place, MANIFEST), 'utf8')) as Manifest
  if (manifest.sources !== sources)
    throw new LaneFailure(
      attempted,
      'its test modules are not those of this checkout',
      'Make it again with --pack from the same commit.',
    )
  return ({series}) => {
    const release = manifest.kernels[series]
    if (release !== undefined)
      return {machine: join(place, 'machine'), kernel: join(place, `kernel-${series}`), release}
    const known = Object.keys(manifest.kernels).join(', ')
    throw new LaneFailure(attempted, `it has no kernel ${series}, only ${known}`, 'Make it with --kernel all.')
  }
}
