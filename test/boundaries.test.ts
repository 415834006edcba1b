/** The floors of docs/architecture.md, enforced on the import graph. */
import {readdirSync, readFileSync} from 'node:fs'
import {dirname, join, relative} from 'node:path'
import {fileURLToPath} from 'node:url'
import {transformSync} from 'esbuild'
import {describe, expect, it} from 'vitest'

const src = fileURLToPath(new URL('../src/', import.meta.url))
const FLOOR: Readonly<Record<string, number>> = {
  bits: 0,
  'errors.ts': 0,
  'group-by.ts': 0,
  'known.ts': 0,
  'records.ts': 0,
  'version.ts': 0,
  kernel: 1,
  pcap: 2,
  pci: 2,
  spdm: 2,
  ide: 2,
  tdisp: 2,
  corim: 2,
  vendor: 2,
  tee: 2,
  tsm: 3,
  sim: 3,
  doctor: 4,
  evidence: 4,
  appraisal: 5,
  operations: 6,
  cli: 7,
  commands: 8,
  tui: 8,
  'main.ts': 9,
  'fleet-worker.ts': 9,
  fast: 9,
}
/** Inside `spdm/`: its folders and root files, each above what it may know. One floor: they do not know each other. */
const SPDM_FLOOR: Readonly<Record<string, number>> = {
  'algorithms.ts': 0,
  'side.ts': 0,
  'version.ts': 0,
  transport: 0,
  messages: 1,
  crypto: 1,
  negotiation: 2,
  'legality.ts': 2,
  certificates: 3,
  measurements: 3,
  session: 3,
  transcript: 3,
  observer: 4,
  requester: 4,
  responder: 4,
  'layouts.ts': 4,
  'index.ts': 5,
}
/** Rooms on one floor that may still know each other, and rooms that must not although their floors would allow it. */
const ALLOWED_SIDEWAYS = new Set(['bits>errors.ts', 'known.ts>errors.ts', 'commands>tui'])
const FORBIDDEN = new Set(['sim>tsm', 'tsm>sim'])
const UI_ROOMS = new Set(['cli', 'commands', 'tui', 'main.ts', 'fleet-worker.ts', 'fast'])

interface Import {
  readonly file: string
  readonly room: string
  readonly target: string
}

/** A constant such as `1n << 20n`: a scale, not a field. */
const POWER_OF_TWO = /\b1n << \d+n/g

const roomOf = (file: string): string => file.split('/')[0]!
const files = readdirSync(src, {recursive: true})
  .map(String)
  .filter(file => /\.tsx?$/.test(file))
const imports: Import[] = files.flatMap(file =>
  [...readFileSync(join(src, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(match => ({
    file,
    room: roomOf(file),
    target: match[1]!.startsWith('.') ? relative(src, join(src, dirname(file), match[1]!)) : match[1]!,
  })),
)
const inside = imports.filter(({target}) => FLOOR[roomOf(target.replace(/\.js$/, '.ts'))] !== undefined)
const crossing = inside
  .map(entry => ({...entry, target: entry.target.replace(/\.js$/, '.ts')}))
  .filter(({room, target}) => roomOf(target) !== room)
/** Folder of the SPDM room, or the file at its root. */
const cellOf = (file: string): string => file.split('/')[1]!
const insideSpdm = inside
  .map(entry => ({...entry, target: entry.target.replace(/\.js$/, '.ts')}))
  .filter(({file, target}) => file.startsWith('spdm/') && target.startsWith('spdm/') && cellOf(file) !== cellOf(target))
const said = ({file, target}: Import): string => `${file} imports ${target}`

describe('the house', () => {
  it('has every file in a known room', () => {
    expect(files.filter(file => FLOOR[roomOf(file)] === undefined)).toEqual([])
    expect(crossing.length).toBeGreaterThan(10)
  })

  it('rooms import from lower floors only', () => {
    const wrong = crossing.filter(({room, target}) => {
      const edge = `${room}>${roomOf(target)}`
      return FORBIDDEN.has(edge) || (FLOOR[roomOf(target)]! >= FLOOR[room]! && !ALLOWED_SIDEWAYS.has(edge))
    })
    expect(wrong.map(said)).toEqual([])
  })

  it("a room's index.ts is its only door", () => {
    const wrong = crossing.filter(({target}) => target.includes('/') && !/^[a-z]+\/index\.ts$/.test(target))
    expect(wrong.filter(({room}) => !UI_ROOMS.has(room)).map(said)).toEqual([])
  })

  it('folders of the SPDM room import from lower ones only, through their index.ts', () => {
    expect(files.filter(file => roomOf(file) === 'spdm' && SPDM_FLOOR[cellOf(file)] === undefined)).toEqual([])
    expect(insideSpdm.length).toBeGreaterThan(100)
    const upward = insideSpdm.filter(({file, target}) => !(SPDM_FLOOR[cellOf(target)]! < SPDM_FLOOR[cellOf(file)]!))
    expect(upward.map(said)).toEqual([])
    const besides = insideSpdm.filter(({target}) => !/^spdm\/(\w+\.ts|\w+\/index\.ts)$/.test(target))
    expect(besides.map(said)).toEqual([])
  })

  it('no file needs itself to be loaded', () => {
    const needs = new Map<string, string[]>()
    for (const {file, target} of valueImports()) needs.set(file, [...(needs.get(file) ?? []), target])
    const done = new Set<string>()
    const cycles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' > '))
      if (done.has(file) || path.includes(file)) return
      for (const target of needs.get(file) ?? []) visit(target, [...path, file])
      done.add(file)
    }
    for (const file of needs.keys()) visit(file, [])
    expect(needs.size).toBeGreaterThan(300)
    expect(cycles).toEqual([])
  })

  it('oclif, Ink and React stay on the top floors', () => {
    const wrong = imports.filter(({room, target}) => /^(@oclif|ink|react)(\/|$)/.test(target) && !UI_ROOMS.has(room))
    expect(wrong.map(said)).toEqual([])
  })

  it('only the kernel room (and writing to standard output) touches files and processes', () => {
    const wrong = imports.filter(
      ({file, room, target}) =>
        /^(node:)?(fs|child_process|net|dgram|http|https)(\/|$)/.test(target) &&
        room !== 'kernel' &&
        file !== 'cli/emit.ts',
    )
    expect(wrong.map(said)).toEqual([])
  })

  it('nothing below the top floors reads process, or throws a bare Error', () => {
    const below = files.filter(file => !UI_ROOMS.has(roomOf(file)) && roomOf(file) !== 'kernel')
    expect(below.filter(file => /\bprocess\.|from 'node:process'/.test(text(file)))).toEqual([])
    expect(files.filter(file => /throw new Error\(/.test(text(file)))).toEqual([])
  })

  it('no shift or mask is written by hand outside the tables', () => {
    const wrong = files.filter(file => roomOf(file) !== 'bits' && /<<|>>/.test(code(file).replaceAll(POWER_OF_TWO, '')))
    expect(wrong).toEqual([])
  })

  it('no file is longer than 400 lines', () => {
    const long = files.filter(file => readFileSync(join(src, file), 'utf8').split('\n').length > 401)
    expect(long).toEqual([])
  })
})

it('only the simulator writes down the keys of a session: real ones end with their process', () => {
  const keeps = /\.recall\(|\.memory\(\)|(?:Session|Responder)Memory\b/
  const keepers = files.filter(file => keeps.test(text(file)) && !/^(?:spdm|sim)\//.test(file))
  expect(keepers).toEqual([])
  expect(files.filter(file => keeps.test(text(file)) && file.startsWith('sim/')).length).toBeGreaterThan(0)
})

const text = (file: string): string => readFileSync(join(src, file), 'utf8')

/** Imports that are there when the program runs, also those that run on demand; types are not. */
function valueImports(): {readonly file: string; readonly target: string}[] {
  return files.flatMap(file =>
    [...text(file).matchAll(/^(?:import|export)\s+(?!type\b)[^;'"]*?from\s+'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm)]
      .filter(
        ({index}) =>
          !text(file)
            .slice(Math.max(0, index - 8), index)
            .includes('typeof'),
      )
      .map(match => ({file, target: sourceOf(relative(src, join(src, dirname(file), (match[1] ?? match[2])!)))})),
  )
}

const sourceOf = (script: string): string => {
  const file = script.replace(/\.js$/, '.ts')
  return files.includes(file) ? file : `${file}x`
}

/** Source as JavaScript, without types, comments and strings, where `>>` can only be a shift. */
function code(file: string): string {
  const {code: script} = transformSync(readFileSync(join(src, file), 'utf8'), {
    loader: file.endsWith('.tsx') ? 'tsx' : 'ts',
    jsx: 'preserve',
  })
  return script.replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''")
}
