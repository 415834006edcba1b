/** The specs of one machine as one file that the guest's Node runs. */
import {existsSync, readdirSync} from 'node:fs'
import {join} from 'node:path'
import {build} from 'esbuild'
import {LaneFailure} from './failure.js'

// some packages are CommonJS: give them a require()
const banner = {
  js: "import{createRequire as __cr}from'node:module';const require=__cr('/repo/');",
}

/** What shows most of each machine in little time; a machine that is not here runs all it has. */
const QUICK: Readonly<Record<string, readonly string[]>> = {
  host: ['evidence', 'losses', 'sides', 'topologies', 'virtual-functions'],
  guest: ['abi', 'admission', 'measurement-registers', 'tdreport', 'tsm-report'],
}

/** Spec files of a directory whose name contains `only`. */
export function specFiles(lane: string, name: string, only: string | undefined, isQuick: boolean): readonly string[] {
  const directory = join(lane, 'specs', name)
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .filter(file => file.endsWith('.spec.ts') && file.includes(only ?? ''))
    .filter(file => !isQuick || (QUICK[name]?.includes(file.replace('.spec.ts', '')) ?? true))
    .sort()
}

/** Writes `specs.mjs` and its source map into `directory`. */
export async function bundleSpecs(
  lane: string,
  name: string,
  files: readonly string[],
  directory: string,
): Promise<void> {
  const entries = files.map(file => {
    const path = JSON.stringify(`./specs/${name}/${file}`)
    return `${JSON.stringify(file.replace(/\.spec\.ts$/, ''))}: () => import(${path}),`
  })
  const contents = ["import {runSpecs} from './guest/run.ts'", 'await runSpecs({', ...entries, '})'].join('\n')
  try {
    await build({
      absWorkingDir: process.cwd(),
      stdin: {contents, resolveDir: lane, loader: 'ts', sourcefile: 'specs.ts'},
      outfile: join(directory, 'specs.mjs'),
      alias: {vitest: join(lane, 'guest/vitest.ts')},
      // native, and optional
      external: ['koffi'],
      bundle: true,
      sourcemap: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20.19',
      jsx: 'automatic',
      banner,
      logLevel: 'silent',
      logOverride: {'import-is-undefined': 'error'},
    })
  } catch (error) {
    throw new LaneFailure(`bundle the specs of ${name}`, error instanceof Error ? error.message : String(error))
  }
}
