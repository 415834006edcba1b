/** The simulator answers as the real kernel did (`npm run test:kernel`), but for the exceptions that steps name. */
import {existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {beforeAll, describe, expect, it} from 'vitest'
import {type Answer, HOST_SCRIPT, pageOf, play, type Scene} from '../kernel/lane/script/index.js'
import {ROWS, scenesOf} from '../kernel/lane/script/rows.js'
import {actText} from '../kernel/lane/script/step.js'
import {machines} from './machines.js'
import {simBench} from './sim-bench.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const GOLDEN = readFileSync(join(root, 'fixtures/kernel/host.txt'), 'utf8')

describe('the script of a host', () => {
  const make = machines()
  const played: (readonly [Scene, readonly Answer[]])[] = []

  beforeAll(async () => {
    for await (const scene of play(simBench(make), HOST_SCRIPT)) played.push(scene)
  }, 60_000)

  it('is answered by the simulator as by the kernel, exceptions apart', () => {
    const page = pageOf(played).split('\n')
    const golden = GOLDEN.split('\n')
    const excepted = new Map<string, string>(
      HOST_SCRIPT.flatMap(({steps}) =>
        steps.flatMap(({act, exception}) =>
          exception === undefined
            ? []
            : [[`${actText(act)} -> ${exception.simulator}`, `${actText(act)} -> `] as const],
        ),
      ),
    )
    const differing = page.flatMap((line, i) => {
      const start = excepted.get(line)
      const isSame = start === undefined ? line === golden[i] : golden[i]!.startsWith(start)
      return isSame ? [] : [{line: i + 1, simulator: line, kernel: golden[i]}]
    })
    expect(differing).toEqual([])
    expect(page).toHaveLength(golden.length)
    // an exception that is not needed any more is none
    for (const [line] of excepted) {
      expect(page).toContain(line)
      expect(golden).not.toContain(line)
    }
  })
})

describe('points on which kernel and documents differ', () => {
  it.each(Object.entries(ROWS))('%s is shown by a step, by another test, or cannot be', (row, {test, unseen}) => {
    const isShown = scenesOf(HOST_SCRIPT, row).length > 0
    // what a step shows needs no other words
    expect(isShown).toBe(test === undefined && unseen === undefined)
    if (test !== undefined) expect(existsSync(join(root, test))).toBe(true)
  })

  it('every row that a step names is one', () => {
    const named = HOST_SCRIPT.flatMap(({steps}) => steps.flatMap(({shows}) => shows ?? []))
    expect([...new Set(named)].filter(row => ROWS[row] === undefined)).toEqual([])
  })
})
