import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {fileLocks} from '../../src/kernel/index.js'
import {errno} from './errnos.js'
import {temporary} from './sample-tree.js'

/** proc_pid_stat(5) field 22. */
const startOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')[19]!

describe('locks as files', () => {
  let directory: string
  let dispose: () => void
  beforeEach(() => ({directory, dispose} = temporary()))
  afterEach(() => dispose())

  describe('against another process', () => {
    let other: ChildProcess
    beforeEach(async () => {
      other = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log()'])
      await once(other.stdout!, 'data')
    })
    afterEach(() => other.kill('SIGKILL'))

    it('are refused while it lives, naming it, and taken over once it is dead', async () => {
      const file = `tsm0@${other.pid}@${startOf(other.pid!)}`
      writeFileSync(join(directory, file), '')
      const lock = fileLocks(directory)
      expect(() => lock('tsm0')).toThrow(`held by process ${other.pid}`)
      expect(readdirSync(directory)).toEqual([file])
      lock('tsm1')()

      other.kill('SIGKILL')
      await once(other, 'exit')
      const release = lock('tsm0')
      expect(readdirSync(directory)).toEqual([`tsm0@${process.pid}@${startOf(process.pid)}`])
      release()
      expect(readdirSync(directory)).toEqual([])
    })

    it('are free when its number belongs to a later process', () => {
      writeFileSync(join(directory, `tsm0@${other.pid}@1`), '')
      fileLocks(directory)('tsm0')()
      expect(readdirSync(directory)).toEqual([])
    })
  })

  it('are free when their holder died and its parent never asked', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.02 & echo $!; exec sleep 60'], {stdio: ['ignore', 'pipe', 'ignore']})
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer]
      const pid = Number(line.toString())
      writeFileSync(join(directory, `watch@${pid}@${startOf(pid)}`), '')
      while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')))
        await new Promise(resolve => setImmediate(resolve))
      expect(() => fileLocks(directory)('watch')()).not.toThrow()
    } finally {
      parent.kill('SIGKILL')
    }
  })

  it('are seen by every user of the directory', () => {
    const release = fileLocks(directory)('a')
    expect(errno(() => fileLocks(directory)('a'))).toBe('EBUSY')
    release()
    fileLocks(directory)('a')()
  })

  it('leave files alone that are none of theirs', () => {
    for (const file of ['README', 'tsm0', 'tsm0@x@y', 'tsm0.bak@1@2']) writeFileSync(join(directory, file), '')
    fileLocks(directory)('tsm0')()
    expect(readdirSync(directory)).toHaveLength(4)
  })
})
