/** One machine with its specs, from an empty share to words about how it went. */
import {cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {SourceMap, type SourceMapPayload} from 'node:module'
import {tmpdir} from 'node:os'
import {join, relative} from 'node:path'
import {boot, type Booted} from './boot.js'
import type {Bundle} from './bundle.js'
import {lastPage} from './console.js'
import {updateFixtures} from './fixtures.js'
import type {Job, Outcome} from './jobs.js'
import {countResults, describeResults, readableStack, type Results, resultsIn} from './results.js'
import {bundleSpecs} from './specs.js'

/**
 * On an emulated processor, compiling what runs once costs more than it gains, and a page of code that grows makes the
 * emulator translate it anew; a second thread only gets in the way, and so does collecting a little garbage often.
 */
const NODE_FLAGS = '--no-opt --no-sparkplug --single-threaded --min-semi-space-size=32 --max-semi-space-size=32'

export interface JobPlace {
  readonly checkout: string
  readonly lane: string
  /** Directory of the logs of machines. */
  readonly logs: string
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  readonly isVerbose: boolean
}

/** What a boot and its results amount to. */
export function outcomeOf({end}: Pick<Booted, 'end'>, {failed, passed, isComplete}: Results): Outcome {
  if (end.how !== 'done') return end.how
  return end.status === 0 && isComplete && failed.length === 0 && passed.length > 0 ? 'passed' : 'failed'
}

/** How a machine ended that did not tell all; empty when it did. */
function trouble({end}: Pick<Booted, 'end'>, {running, isComplete}: Results): string {
  const during = running === undefined ? '' : `, in: ${running}`
  if (end.how === 'time limit') return `stopped at its time limit of ${end.seconds} s${during}`
  if (end.how === 'died') return `ended before its tests did: ${end.why}${during}`
  return isComplete ? '' : `the test program ended with status ${end.status}${during}`
}

/** With TSMCTL_KERNEL_UPDATE what this kernel answered is from now on what kernel, simulator and views are held to. */
async function keepAnswers(share: string, checkout: string): Promise<void> {
  if (process.env['TSMCTL_KERNEL_UPDATE'] === undefined) return
  const answers = join(share, 'out/golden')
  if (existsSync(answers)) cpSync(answers, join(checkout, 'fixtures/kernel'), {recursive: true})
  await updateFixtures(share, join(checkout, 'fixtures'))
}

/** Runs one job; whether it ended as expected. */
export async function runJob(job: Job, files: readonly string[], bundle: Bundle, place: JobPlace): Promise<boolean> {
  const {checkout, lane, logs, signal, say} = place
  const name = job.specs === 'bad-days' ? `bad-days/${job.only}` : job.specs
  const share = mkdtempSync(join(tmpdir(), 'tsmctl-kernel-'))
  try {
    await bundleSpecs(lane, job.specs, files, share)
    const booted = await boot({
      bundle,
      share,
      checkout,
      command: `cd /run && node ${NODE_FLAGS} /mnt/specs.mjs`,
      limit: job.limit,
      processors: 1,
      signal,
      onLine: line => place.isVerbose && console.log(`${name}: ${line}`),
    })
    const results = resultsIn(share)
    await keepAnswers(share, checkout)
    const log = join(logs, `${job.kernel.series}-${name.replace('/', '-')}.log`)
    mkdirSync(logs, {recursive: true})
    writeFileSync(log, `${booted.console.join('\n')}\n`)
    const outcome = outcomeOf(booted, results)
    const map = new SourceMap(JSON.parse(readFileSync(join(share, 'specs.mjs.map'), 'utf8')) as SourceMapPayload)
    const wrong = trouble(booted, results)
    say(`${bundle.release} ${name}: ${countResults(results)} in ${booted.seconds.toFixed(0)} s`)
    const told = describeResults(results, stack => readableStack(stack, map))
    if (told !== '') console.log(told)
    if (wrong !== '') {
      const page = lastPage(booted.console).map(line => `  ${name}: ${line}`)
      console.log([`  ${wrong}`, '  The last page of its console:', ...page].join('\n'))
    }
    if (outcome !== 'passed') console.log(`  The console is in ${relative(checkout, log)}`)
    if (job.expected !== 'passed') console.log(`  expected: ${job.expected}; seen: ${outcome}`)
    return outcome === job.expected
  } finally {
    if (process.env['TSMCTL_KERNEL_KEEP'] === undefined) rmSync(share, {recursive: true, force: true, maxRetries: 3})
    else say(`kept ${share}`)
  }
}
