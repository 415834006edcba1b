/** Helpers that fail in every way a process can, and their callers, who hear of it. */
import {readFileSync} from 'node:fs'
import {afterEach, expect, it} from 'vitest'
import {errnoOf, TsmctlError} from '../../src/errors.js'
import {type HelperPool, helperPool} from '../../src/kernel/helper-process.js'

const ABOUT = {verb: 'ask', subject: 'a helper'}

/** Answers, or does what it is told to. */
const SCRIPT = `
const serve = request => {
  if (request.exit !== undefined) process.exit(request.exit)
  if (request.garbage !== undefined) fs.writeSync(1, request.garbage + '\\n')
  return {pid: process.pid}
}`

interface Answer {
  readonly pid: number
}

let pool: HelperPool
afterEach(() => pool.close())

/** The failure of a call. */
const failure = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    error => error,
  )

it('a helper that was ended between two requests is reported, not waited for', async () => {
  pool = helperPool(SCRIPT)
  const refused = pool.use(ABOUT, undefined, async ask => {
    const {pid} = await ask<Answer>({})
    process.kill(pid, 'SIGKILL')
    while (isThere(pid)) await new Promise(setImmediate)
    // its pipes are closed by now, and nobody was told
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    return ask({})
  })
  expect(errnoOf(await failure(refused))).toBe('EINTR')
})

const isThere = (pid: number): boolean => {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

it('an answer that is none is an error of its own, and that helper is not asked again', async () => {
  pool = helperPool(SCRIPT)
  const first = await pool.use(ABOUT, undefined, ask => ask<Answer>({}))
  const wrong = await failure(pool.use(ABOUT, undefined, ask => ask({garbage: 'nonsense'})))
  expect(wrong).toBeInstanceOf(TsmctlError)
  expect(wrong).toMatchObject({kind: 'malformed'})
  const next = await pool.use(ABOUT, undefined, ask => ask<Answer>({}))
  expect(next.pid).not.toBe(first.pid)
})

it('a helper that exits instead of answering is reported', async () => {
  pool = helperPool(SCRIPT)
  expect(errnoOf(await failure(pool.use(ABOUT, undefined, ask => ask({exit: 3}))))).toBe('EINTR')
  expect((await pool.use(ABOUT, undefined, ask => ask<Answer>({}))).pid).toBeGreaterThan(0)
})

it('a process that cannot be started is a refusal with its errno', async () => {
  pool = helperPool(SCRIPT)
  const {execPath} = process
  process.execPath = '/none'
  const refused = await failure(pool.use(ABOUT, undefined, ask => ask({})))
  process.execPath = execPath
  expect(errnoOf(refused)).toBe('ENOENT')
  expect((refused as TsmctlError).message).toContain('cannot start a helper process to ask a helper')
})
