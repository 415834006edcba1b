/** Captures of real kernels say to a person what they said when they were recorded. */
import {existsSync, readdirSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {viewsOf} from '../support/read-verbs.js'

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url))
const recorded = readdirSync(`${fixtures}views`)

describe.each(recorded)('%s', name => {
  it('reads as it did', async () => {
    expect(existsSync(`${fixtures}captures/${name}.json`)).toBe(true)
    const views = await viewsOf(openReplay(`${fixtures}captures/${name}.json`))
    expect(readdirSync(`${fixtures}views/${name}`)).toEqual(
      Object.keys(views)
        .map(view => `${view}.txt`)
        .sort(),
    )
    for (const [view, text] of Object.entries(views))
      // oxlint-disable-next-line no-await-in-loop
      await expect(text).toMatchFileSnapshot(`${fixtures}views/${name}/${view}.txt`)
  })
})
