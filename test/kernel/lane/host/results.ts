/** What the guest told of its tests, read and put into words. */
import {existsSync, readFileSync} from 'node:fs'
import {SourceMap} from 'node:module'
import {join} from 'node:path'
import type {TestEvent} from '../events.js'

type Of<K extends TestEvent['event']> = Extract<TestEvent, {event: K}>

export interface Results {
  readonly passed: readonly Of<'pass'>[]
  readonly failed: readonly Of<'fail'>[]
  readonly skipped: readonly Of<'skip'>[]
  /** The test that was running when the guest stopped telling. */
  readonly running: string | undefined
  /** Whether it told to the end. */
  readonly isComplete: boolean
}

/** Reads lines of events; a last line may be cut. */
export function readResults(text: string): Results {
  const lines = text.split('\n').slice(0, -1)
  const events = lines.map(line => JSON.parse(line) as TestEvent)
  const of = <K extends TestEvent['event']>(kind: K): Of<K>[] =>
    events.filter((event): event is Of<K> => event.event === kind)
  const last = events.at(-1)
  return {
    passed: of('pass'),
    failed: of('fail'),
    skipped: of('skip'),
    running: last?.event === 'start' ? last.test : undefined,
    isComplete: last?.event === 'end',
  }
}

/** Results in a machine's share. */
export function resultsIn(share: string): Results {
  const path = join(share, 'out/events.ndjson')
  return readResults(existsSync(path) ? readFileSync(path, 'utf8') : '')
}

/** A stack with the places in the bundle replaced by places in the sources; frames of the runner itself are left out. */
export function readableStack(stack: string, map: SourceMap): string {
  return stack
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .map(line =>
      line.replace(/(?:file:\/\/)?\/mnt\/specs\.mjs:(\d+):(\d+)/, (place, row: string, column: string) => {
        const entry = map.findEntry(Number(row) - 1, Number(column) - 1)
        if (!('originalSource' in entry)) return place
        const source = entry.originalSource
          .replace(/^(?:\.\.\/)+/, '')
          .replace(/^.*?(?=(?:test|src|node_modules)\/)/, '')
        return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
      }),
    )
    .filter(line => !/node_modules|node:internal|guest\/run\.ts|new Promise \(<anonymous>\)/.test(line))
    .join('\n')
}

const indented = (text: string): string => text.replace(/^/gm, '    ')

/** Failures with message, difference and place; skipped tests with the reason. */
export function describeResults({failed, skipped}: Results, stackOf: (stack: string) => string): string {
  const failures = failed.map(({test, errors}) =>
    [
      `  FAIL ${test}`,
      ...errors.flatMap(({message, diff, stack}) =>
        [message, diff, stackOf(stack)].filter(Boolean).map(text => indented(text!)),
      ),
    ].join('\n'),
  )
  return [...failures, ...skipped.map(({test, why}) => `  skipped ${test}: ${why}`)].join('\n')
}

/** `3 passed, 1 failed` */
export function countResults({passed, failed, skipped}: Results): string {
  const counts = [
    [passed, 'passed'],
    [failed, 'failed'],
    [skipped, 'skipped'],
  ] as const
  const said = counts.filter(([tests]) => tests.length > 0).map(([tests, word]) => `${tests.length} ${word}`)
  return said.length === 0 ? 'no test was run' : said.join(', ')
}
