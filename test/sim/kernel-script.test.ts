/** The simulator answers as the real kernel did (`npm run test:kernel`), but for the exceptions that a step names. */
import {readFileSync} from 'node:fs'
import {expect, it} from 'vitest'
import {type Answer, HOST_SCRIPT, pageOf, play, type Scene} from '../kernel/lane/script/index.js'
import {machines} from './machines.js'
import {simBench} from './sim-bench.js'

const GOLDEN = readFileSync(new URL('../../fixtures/kernel/host.txt', import.meta.url), 'utf8')
const make = machines()

it('answers the script of a host as the kernel does', async () => {
  const played: (readonly [Scene, readonly Answer[]])[] = []
  for await (const scene of play(simBench(make), HOST_SCRIPT)) played.push(scene)
  expect(pageOf(played)).toBe(GOLDEN)
})
