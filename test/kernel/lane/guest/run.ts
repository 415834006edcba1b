/** Runs spec files one after the other in this process and tells what became of each test. */
import {closeSync, openSync, writeSync} from 'node:fs'
import {type File, startTests, type Task, type Test, type VitestRunner} from '@vitest/runner'
import {getNames, getTests} from '@vitest/runner/utils'
import type {TestError, TestEvent} from '../events.js'

/** Milliseconds a test may take: ten times what it needs on a quiet machine. */
const TIMEOUT = 120_000

const nameOf = (task: Task): string => getNames(task).join(' > ')

const errorsOf = (task: Task): readonly TestError[] =>
  (task.result?.errors ?? []).map(({name, message, stack, diff}) => ({
    message: `${name ?? 'Error'}: ${message}`,
    stack: stack ?? '',
    ...(diff !== undefined && {diff}),
  }))

/** Why a test did not run: it was told so, or what it stands in failed. */
function whySkipped(test: Test): string {
  // the types do not know it
  if (test.result !== undefined && 'note' in test.result) return String(test.result.note)
  return test.mode === 'run' ? 'its suite failed' : test.mode
}

class Runner implements VitestRunner {
  readonly config: VitestRunner['config']
  readonly #files: Readonly<Record<string, () => Promise<unknown>>>
  readonly #tell: (event: TestEvent) => void

  constructor(files: Readonly<Record<string, () => Promise<unknown>>>, tell: (event: TestEvent) => void) {
    this.#files = files
    this.#tell = tell
    this.config = {
      root: '/',
      setupFiles: [],
      name: undefined,
      passWithNoTests: false,
      testNamePattern: undefined,
      allowOnly: true,
      sequence: {seed: 0, hooks: 'stack', setupFiles: 'list'},
      chaiConfig: undefined,
      maxConcurrency: 1,
      testTimeout: TIMEOUT,
      hookTimeout: TIMEOUT,
      retry: 0,
      includeTaskLocation: false,
      tags: [],
      tagsFilter: undefined,
      strictTags: false,
    }
  }

  importFile(path: string): Promise<unknown> {
    return this.#files[path.replace(/^\//, '')]!()
  }

  onBeforeRunTask(test: Test): void {
    if (test.mode === 'run') this.#tell({event: 'start', test: nameOf(test)})
  }

  onAfterRunTask(test: Test): void {
    this.#tellOf(test)
  }

  onAfterRunFiles(files: readonly File[]): void {
    for (const file of files) {
      for (const test of getTests(file)) if (!this.#told.has(test)) this.#tellOf(test)
      for (const suite of [file, ...suitesOf(file)])
        if (errorsOf(suite).length > 0) this.#tell({event: 'fail', test: nameOf(suite), ms: 0, errors: errorsOf(suite)})
    }
  }

  readonly #told = new Set<Test>()

  #tellOf(test: Test): void {
    this.#told.add(test)
    const ms = Math.round(test.result?.duration ?? 0)
    if (test.result?.state === 'pass') this.#tell({event: 'pass', test: nameOf(test), ms})
    else if (test.result?.state === 'fail') this.#tell({event: 'fail', test: nameOf(test), ms, errors: errorsOf(test)})
    else this.#tell({event: 'skip', test: nameOf(test), why: whySkipped(test)})
  }
}

const suitesOf = (suite: {readonly tasks: readonly Task[]}): Task[] =>
  suite.tasks.flatMap(task => (task.type === 'suite' ? [task, ...suitesOf(task)] : []))

/** Runs `files`, by name, and ends the process: with 0 when all tests passed. */
export async function runSpecs(files: Readonly<Record<string, () => Promise<unknown>>>): Promise<never> {
  const out = openSync('/mnt/out/events.ndjson', 'a')
  const tell = (event: TestEvent): void => void writeSync(out, `${JSON.stringify(event)}\n`)
  let failed = false
  const runner = new Runner(files, event => {
    failed ||= event.event === 'fail'
    tell(event)
  })
  // time limits of tests do not keep a process alive, and neither does a test that waits in vain
  setInterval(() => {}, TIMEOUT)
  await startTests(
    Object.keys(files).map(name => `/${name}`),
    runner,
  )
  tell({event: 'end'})
  closeSync(out)
  // whatever a spec left open must not keep the machine running
  process.exit(failed ? 1 : 0)
}
