import {existsSync, mkdtempSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {beforeEach, describe, expect, it} from 'vitest'
import {type Cache, openCache} from '../lane/host/cache.js'

const fill = (text: string) => (path: string) => {
  writeFileSync(join(path, 'file'), text)
  return Promise.resolve()
}

const days = (n: number): Date => new Date(Date.now() - n * 86_400_000)

describe('the cache of the lane', () => {
  let directory: string
  let cache: Cache
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lane-cache-'))
    cache = openCache(directory)
  })
  it('makes an entry once', async () => {
    const first = await cache.entry('kind-a', fill('one'))
    expect(await cache.entry('kind-a', fill('two'))).toBe(first)
    expect(readFileSync(join(first, 'file'), 'utf8')).toBe('one')
  })

  it('makes a damaged entry again', async () => {
    const path = await cache.entry('kind-a', fill('one'))
    truncateSync(join(path, 'file'), 1)
    expect(cache.has('kind-a')).toBe(false)
    await cache.entry('kind-a', fill('two'))
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('two')
  })

  it('leaves nothing of an entry that could not be made', async () => {
    await expect(cache.entry('kind-a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(readdirSync(directory)).toEqual([])
  })

  it('lets two lanes make the same entry at the same time', async () => {
    const other = openCache(directory)
    const [a, b] = await Promise.all([cache.entry('kind-a', fill('same')), other.entry('kind-a', fill('same'))])
    expect(a).toBe(b)
    expect(readdirSync(directory)).toEqual(['kind-a'])
  })

  it('keeps the entries used last, those in use, and those it does not know', async () => {
    for (const [name, age] of [
      ['kind-a', 3],
      ['kind-b', 2],
      ['kind-c', 1],
      ['scratch-left', 1],
      ['mine', 9],
    ] as const) {
      // each is older than the next
      // oxlint-disable-next-line no-await-in-loop
      const path = await cache.entry(name, fill(name))
      utimesSync(path, days(age), days(age))
    }
    await cache.entry('kind-d', fill('now'))
    cache.prune({'kind-': 2})
    expect(readdirSync(directory)).toEqual(['kind-c', 'kind-d', 'mine'])
    cache.prune({'kind-': 0})
    expect(existsSync(join(directory, 'kind-d'))).toBe(true)
  })
})
