/** Another program, run for an answer: what it cannot do to whoever runs it. */
import {chmodSync, mkdtempSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {environment} from '../../src/kernel/index.js'

const directory = mkdtempSync(join(tmpdir(), 'tsmctl-program-'))
let made = 0
function script(body: string): string {
  const path = join(directory, `p${made++}`)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}
const run = (body: string, limits = {timeoutMs: 5000, mostBytes: 1000}, input = 'question', signal?: AbortSignal) =>
  environment.runProgram([script(body), 'one two'], Buffer.from(input), limits, signal)
const textOf = ({output}: {readonly output: Uint8Array}): string => Buffer.from(output).toString()

describe('a program', () => {
  it('gets its input and its arguments, and nothing of our environment', async () => {
    process.env['TSMCTL_SECRET'] = 'x'
    const result = await run('cat; echo " $# $1 $TSMCTL_SECRET $(pwd)"')
    expect(result).toMatchObject({ended: 'exit', code: 0})
    expect(textOf(result)).toBe('question 1 one two  /\n')
  })

  it('may leave a long input unread', async () => {
    expect(await run('exit 3', undefined, 'x'.repeat(1_000_000))).toMatchObject({ended: 'exit', code: 3})
  })

  it.each([
    ['ends by a signal', 'kill -9 $$', {ended: 'signal', code: null}],
    ['says too much', 'exec cat /dev/zero', {ended: 'too-much', code: null}],
    ['never ends', 'exec sleep 1000', {ended: 'timeout', code: null}],
    ['leaves a child with its output', 'sleep 1000 & exec sleep 1000', {ended: 'timeout', code: null}],
    ['leaves a child out of reach', 'setsid sleep 3 & exit 0', {ended: 'timeout', code: null}],
  ])('%s', async (_, body, expected) => {
    expect(await run(body, {timeoutMs: 60, mostBytes: 1000})).toMatchObject(expected)
  })

  it('that is not there, or none, is an errno', async () => {
    const limits = {timeoutMs: 1000, mostBytes: 10}
    await expect(environment.runProgram(['/nowhere'], new Uint8Array(), limits)).rejects.toMatchObject({
      errno: 'ENOENT',
    })
    await expect(environment.runProgram(['/'], new Uint8Array(), limits)).rejects.toMatchObject({errno: 'EACCES'})
  })

  it('ends with whoever waits for it', async () => {
    const abort = new AbortController()
    const running = run('exec sleep 1000', undefined, '', abort.signal)
    abort.abort()
    await expect(running).rejects.toMatchObject({errno: 'EINTR', kind: 'interrupted'})
    await expect(run('exit 0', undefined, '', abort.signal)).rejects.toMatchObject({errno: 'EINTR'})
  })
})
