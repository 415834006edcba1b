import {SourceMap} from 'node:module'
import {describe, expect, it} from 'vitest'
import type {TestEvent} from '../lane/events.js'
import {countResults, describeResults, readableStack, readResults} from '../lane/host/results.js'
import {outcomeOf} from '../lane/host/run-job.js'

const lines = (...events: readonly TestEvent[]): string => events.map(event => `${JSON.stringify(event)}\n`).join('')

const PASS: TestEvent = {event: 'pass', test: 'a > works', ms: 3}
const FAIL: TestEvent = {event: 'fail', test: 'a > fails', ms: 1, errors: [{message: 'Error: no', stack: ''}]}
const SKIP: TestEvent = {event: 'skip', test: 'a > cannot', why: 'there is none'}
const END: TestEvent = {event: 'end'}
const DONE = {end: {how: 'done', status: 0}} as const

describe('results of a machine', () => {
  it('are counted and told with reasons', () => {
    const results = readResults(lines(PASS, FAIL, SKIP, END))
    expect(countResults(results)).toBe('1 passed, 1 failed, 1 skipped')
    expect(describeResults(results, stack => stack)).toBe(
      '  FAIL a > fails\n    Error: no\n  skipped a > cannot: there is none',
    )
  })

  it('name the test that was running when the guest fell silent, also in the middle of a line', () => {
    const results = readResults(`${lines(PASS, {event: 'start', test: 'a > hangs'})}{"event":"pa`)
    expect(results).toMatchObject({running: 'a > hangs', isComplete: false})
  })

  it.each([
    ['all passed', lines(PASS, END), DONE, 'passed'],
    ['one failed', lines(PASS, FAIL, END), DONE, 'failed'],
    ['none was run', lines(SKIP, END), DONE, 'failed'],
    ['not all was told', lines(PASS), DONE, 'failed'],
    ['the program failed', lines(PASS, END), {end: {how: 'done', status: 13}}, 'failed'],
    ['the time was over', lines(PASS, END), {end: {how: 'time limit', seconds: 9}}, 'time limit'],
    ['the kernel panicked', lines(PASS), {end: {how: 'died', why: 'x'}}, 'died'],
  ] as const)('amount to an outcome when %s', (_, text, booted, outcome) => {
    expect(outcomeOf(booted, readResults(text))).toBe(outcome)
  })

  it('show the sources in a stack, and not what runs them', () => {
    // line 1, column 1 of the bundle is line 1, column 1 of the source
    const map = new SourceMap({
      file: 'specs.mjs',
      version: 3,
      sources: ['../../checkout/test/kernel/x.spec.ts'],
      sourcesContent: [],
      names: [],
      mappings: 'AAAA',
      sourceRoot: '',
    })
    const stack = ['Error: no', '    at f (file:///mnt/specs.mjs:1:1)', '    at node:internal/timers:1:1'].join('\n')
    expect(readableStack(stack, map)).toBe('    at f (test/kernel/x.spec.ts:1:1)')
  })
})
