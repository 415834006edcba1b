/** The suite leaves nothing out: every case is there, and every check that can stop a device is the target of one. */
import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {CHECK_IDS, REGISTRY} from '../../src/appraisal/index.js'
import {ELSEWHERE} from './suite/elsewhere.js'
import {ROWS} from './suite/index.js'

/** How many mutations each numbered case names, N001 first. */
const MUTATIONS = `
1 1 1 2 1 3 3 3 2 1 3 1 3 3 3 3 1 1 1 4
3 1 1 1 3 1 2 1 1 1 2 1 2 2 4 1 4 2 1 2
2 2 2 2 1 4 3 2 1 1 4 1 1 1 5 4 4 2 2 2
1 1 1 2 2 2 2 1 2 2 2 2 2 2 1 2 1 1 2 3
1 2 1 1 1 5 1 2 2 1 1 3 1 2 2 2 2 5 2 2
1 2 1 2 1 3 1 1 1 8 3 2 5 4 3 2 1 1 1 3
1 1 2
`
  .trim()
  .split(/\s+/)
  .map(Number)

const ALL = [...ROWS, ...ELSEWHERE]
const named = (number: string): number => ALL.filter(({name}) => name.startsWith(`${number} `)).length
/** What each case lacks. */
const lacking = MUTATIONS.flatMap((count, i) => {
  const number = `N${String(i + 1).padStart(3, '0')}`
  return count > named(number) ? [[number, count - named(number)] as const] : []
})
const total = MUTATIONS.reduce((sum, count) => sum + count, 0)
const written = total - lacking.reduce((sum, [, count]) => sum + count, 0)

describe('the suite of negative cases', () => {
  it(`has ${written} of ${total} mutations in ${MUTATIONS.length} cases`, () => {
    expect([MUTATIONS.length, total]).toEqual([123, 246])
    expect(lacking).toEqual([])
  })

  it('says each thing once', () => {
    const names = ALL.map(({name, check}) => `${name} ${check}`)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('aims at every fatal and every required check', () => {
    const targets = new Set(ALL.map(({check}) => check))
    const untargeted = CHECK_IDS.filter(id => REGISTRY[id].class !== 'A' && !targets.has(id))
    expect(untargeted).toEqual([])
  })

  it.each(ELSEWHERE)('$name is a test of $file', ({name, check, file}) => {
    expect(CHECK_IDS).toContain(check)
    expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).toContain(name)
  })
})
