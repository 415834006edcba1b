/**
 * What the tests take from `src/` are ordinary modules of Node, transpiled at once: it loads them faster than vitest does
 * one by one, and runs them faster than through vitest's wrappers of every imported name.
 */
import {readdirSync, rmSync} from 'node:fs'
import {join} from 'node:path'
import type {TestProject} from 'vitest/node'
import {build} from 'esbuild'

const root = join(import.meta.dirname, '..', '..')
const SOURCES = join(root, 'src')
/** In this package, whose dependencies the modules find from there. */
const ALL_RUNS = join(root, 'node_modules', '.tsmctl-tests')
/** Of this run alone: another in the same checkout may be of other sources. */
export const TRANSPILED = join(ALL_RUNS, String(process.pid))

const isRunning = (pid: string): boolean => {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

/** What runs that were killed have left. */
function removeLeftovers(): void {
  for (const name of readdirSync(ALL_RUNS))
    if (!isRunning(name)) rmSync(join(ALL_RUNS, name), {recursive: true, force: true})
}

async function transpile(): Promise<void> {
  const files = readdirSync(SOURCES, {recursive: true, encoding: 'utf8'})
  await build({
    absWorkingDir: root,
    entryPoints: files.filter(file => /\.tsx?$/.test(file)).map(file => join(SOURCES, file)),
    outdir: TRANSPILED,
    outbase: SOURCES,
    format: 'esm',
    jsx: 'automatic',
    target: 'node20.19',
    sourcemap: 'inline',
    logLevel: 'error',
  })
}

/** Runs once, before the workers are started. */
export async function setup(project: TestProject): Promise<() => void> {
  await transpile()
  removeLeftovers()
  project.onTestsRerun(transpile)
  return () => rmSync(TRANSPILED, {recursive: true, force: true})
}
