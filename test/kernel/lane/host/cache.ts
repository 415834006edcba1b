/**
 * Directories made once and kept. Each is made aside and then renamed, so that it is there whole or not at all and lanes
 * that run at the same time do not meet; each lists what it holds, so that damage shows.
 */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import {join, relative} from 'node:path'

const CONTENTS = '.contents'
const SCRATCH = 'scratch-'
const HOUR = 3_600_000

const remove = (path: string): void => rmSync(path, {recursive: true, force: true, maxRetries: 3})

/** Every regular file below a directory, with its size. */
function contents(directory: string): readonly (readonly [string, number])[] {
  return readdirSync(directory, {recursive: true, withFileTypes: true})
    .filter(file => file.isFile())
    .map(file => join(file.parentPath, file.name))
    .map(path => [relative(directory, path), lstatSync(path).size])
}

/** Writes down what a finished directory holds. */
const seal = (directory: string): void => writeFileSync(join(directory, CONTENTS), JSON.stringify(contents(directory)))

/** Whether a directory holds what it held when it was sealed. */
export function isWhole(directory: string): boolean {
  try {
    const files = JSON.parse(readFileSync(join(directory, CONTENTS), 'utf8')) as readonly [string, number][]
    return files.every(([path, size]) => lstatSync(join(directory, path)).size === size)
  } catch {
    return false
  }
}

/** Puts a finished directory in its place, unless another lane was faster. */
function place(made: string, target: string): void {
  try {
    renameSync(made, target)
  } catch (error) {
    if (isWhole(target)) return
    try {
      renameSync(target, `${made}.damaged`)
    } catch {
      throw error
    }
    remove(`${made}.damaged`)
    renameSync(made, target)
  }
}

export interface Cache {
  /** Whether an entry is there and undamaged. */
  has(name: string): boolean
  /** Path of an entry, which `fill` makes in an empty directory unless it is there. */
  entry(name: string, fill: (directory: string) => Promise<void>): Promise<string>
  /** Runs `work` with an empty directory, which is gone afterwards. */
  scratch<T>(work: (directory: string) => Promise<T>): Promise<T>
  /** Removes the least recently used of each kind of entry; `keep` says how many of which stay. */
  prune(keep: Readonly<Record<string, number>>): void
}

export function openCache(directory: string): Cache {
  mkdirSync(directory, {recursive: true})
  const pathOf = (name: string): string => join(directory, name)
  const scratch = async <T>(work: (path: string) => Promise<T>): Promise<T> => {
    const path = mkdtempSync(pathOf(SCRATCH))
    try {
      return await work(path)
    } finally {
      remove(path)
    }
  }
  return {
    has: name => isWhole(pathOf(name)),
    entry: async (name, fill) => {
      const target = pathOf(name)
      if (!isWhole(target))
        await scratch(async path => {
          const made = join(path, 'made')
          mkdirSync(made)
          await fill(made)
          seal(made)
          place(made, target)
        })
      const now = new Date()
      utimesSync(target, now, now)
      return target
    },
    scratch,
    prune(keep) {
      const names = readdirSync(directory)
      for (const [kind, count] of Object.entries({...keep, [SCRATCH]: 0})) {
        const old = names
          .filter(name => name.startsWith(kind))
          .map(name => ({name, at: statSync(pathOf(name)).mtimeMs}))
          .sort((a, b) => b.at - a.at)
          .slice(count)
        // another lane may be at work with it
        for (const {name, at} of old) if (at < Date.now() - HOUR) remove(pathOf(name))
      }
    },
  }
}
