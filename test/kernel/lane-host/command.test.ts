import {mkdtempSync, readFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, it, vi} from 'vitest'
import {runProgram} from '../lane/host/command.js'
import {explain, Interrupted, LaneFailure} from '../lane/host/failure.js'

const {signal} = new AbortController()

/** Whether a process runs: one that has ended may wait for its parent to ask how. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('a program of the lane', () => {
  it('says what it was for when it fails, with its last page and what to do', async () => {
    const failing = runProgram('do it', ['sh', '-c', 'seq 100; echo no >&2; exit 3'], {signal, hint: 'Do this.'})
    await expect(failing).rejects.toThrow(/^cannot do it: sh ended with status 3\n62\n[^]*\n100\nno\nDo this\.$/)
  })

  it('says so when it is missing', async () => {
    const failing = runProgram('get packages', ['no-such-apt'], {signal, hint: 'Take a container.'})
    const message = 'cannot get packages: this system has no program no-such-apt\nTake a container.'
    await expect(failing).rejects.toThrow(message)
  })

  it('is stopped when it takes too long', async () => {
    const failing = runProgram('wait', ['sleep', '60'], {signal, limit: 0.1})
    await expect(failing).rejects.toThrow('cannot wait: sleep was still at it after 0.1 s')
  })

  it('ends with all it started when the lane does', async () => {
    const controller = new AbortController()
    const script = 'sleep 60 & echo $! > "$0"; wait'
    const file = join(mkdtempSync(join(tmpdir(), 'lane-command-')), 'child')
    const running = runProgram('wait', ['sh', '-c', script, file], {signal: controller.signal})
    const child = await vi.waitFor(() => {
      const pid = Number(readFileSync(file, 'utf8'))
      expect(pid).toBeGreaterThan(0)
      return pid
    })
    controller.abort(new Interrupted('SIGINT'))
    await expect(running).rejects.toThrow('interrupted by SIGINT')
    await vi.waitFor(() => expect(isRunning(child)).toBe(false))
  })
})

describe('a failure', () => {
  it('of the system is told with what to do', () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device, write'), {code: 'ENOSPC', syscall: 'write'})
    expect(explain(error)).toMatch(/^cannot go on: ENOSPC: no space left on device, write\n.*TSMCTL_KERNEL_CACHE/)
  })

  it('of the lane itself is not explained away', () => {
    expect(explain(new TypeError('x is not a function'))).toBeUndefined()
    expect(explain(new LaneFailure('do it', 'no'))).toBe('cannot do it: no')
  })
})
