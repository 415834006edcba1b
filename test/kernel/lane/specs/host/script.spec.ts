/** The script of a host on the real kernel: its answers are the ones that the simulator is held to. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {afterAll, describe, expect, it} from 'vitest'
import {kernelBench} from '../../guest/kernel-bench.js'
import {type Answer, HOST_SCRIPT, pageOf, play, type Scene} from '../../script/index.js'

const NAME = 'host.txt'

describe('the script of a host', () => {
  const bench = kernelBench()
  afterAll(() => bench.close())

  it('is answered as it was', async () => {
    const played: (readonly [Scene, readonly Answer[]])[] = []
    for await (const scene of play(bench, HOST_SCRIPT)) played.push(scene)
    const page = pageOf(played)
    // the lane takes it from here when it is told to
    mkdirSync('/mnt/out/golden', {recursive: true})
    writeFileSync(`/mnt/out/golden/${NAME}`, page)
    const golden = readFileSync(`/repo/fixtures/kernel/${NAME}`, 'utf8')
    const was = golden.split('\n')
    expect(page.split('\n').flatMap((is, i) => (is === was[i] ? [] : [{is, was: was[i]}]))).toEqual([])
    expect(page).toBe(golden)
  }, 150_000)
})
