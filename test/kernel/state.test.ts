import {chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {defaultStateDirectory, directoryState, memoryState} from '../../src/kernel/index.js'
import {errno} from './errnos.js'
import {temporary} from './sample-tree.js'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('the default directory', () => {
  it.each([
    [0, {HOME: '/root', XDG_STATE_HOME: '/x'}, '/var/lib/tsmctl'],
    [1000, {HOME: '/home/u', XDG_STATE_HOME: '/x'}, '/x/tsmctl'],
    [1000, {HOME: '/home/u', XDG_STATE_HOME: 'relative'}, '/home/u/.local/state/tsmctl'],
    [1000, {HOME: '/home/u'}, '/home/u/.local/state/tsmctl'],
  ])('of user %i with %o is %s', (uid, env, expected) => {
    expect(defaultStateDirectory(env, uid)).toBe(expected)
  })

  it('is refused without a home', () => {
    expect(() => defaultStateDirectory({}, 1000)).toThrow('cannot find the state directory')
  })
})

describe('a directory of state', () => {
  let root: string
  let directory: string
  let dispose: () => void
  beforeEach(() => {
    const made = temporary()
    root = made.directory
    directory = join(root, 'a', 'state')
    dispose = made.dispose
  })
  afterEach(() => dispose())

  it('whatever its name is, the refusal is printable', () => {
    const hostile = join(root, 'a\u001b[2J')
    mkdirSync(hostile)
    chmodSync(hostile, 0o777)
    const refused = expect.stringMatching(/^[ -~]*a\\x1b\[2J[ -~]*$/)
    let error: unknown
    try {
      directoryState(hostile).append('x', bytes('x'))
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({message: refused, hint: refused})
  })

  it('is made on the first write, private', () => {
    const state = directoryState(directory)
    expect(state.read('pins.json')).toBeUndefined()
    expect(existsSync(directory)).toBe(false)
    state.append('audit.jsonl', bytes('x'))
    state.replace('pins.json', bytes('y'))
    expect([mode(directory), mode(join(directory, 'audit.jsonl')), mode(join(directory, 'pins.json'))]).toEqual([
      '700',
      '600',
      '600',
    ])
  })

  it('holds nothing but its files', () => {
    const state = directoryState(directory)
    state.replace('pins.json', bytes('1'))
    state.replace('pins.json', bytes('2'))
    expect(readdirSync(directory)).toEqual(['pins.json'])
    expect(directoryState(directory).read('pins.json')).toEqual(bytes('2'))
  })

  it('refuses links in place of its files', () => {
    const state = directoryState(directory)
    state.append('audit.jsonl', bytes('x'))
    writeFileSync(join(root, 'elsewhere'), 'secret')
    symlinkSync(join(root, 'elsewhere'), join(directory, 'nonces'))
    expect(errno(() => state.read('nonces'))).toBe('ELOOP')
    expect(errno(() => state.append('nonces', bytes('x')))).toBe('ELOOP')
    state.replace('nonces', bytes('mine'))
    expect(state.read('nonces')).toEqual(bytes('mine'))
    expect(statSync(join(root, 'elsewhere')).size).toBe(6)
  })

  it.each(['770', '707'])('refuses a directory of mode %s', wrong => {
    mkdirSync(directory, {recursive: true})
    chmodSync(directory, Number.parseInt(wrong, 8))
    expect(() => directoryState(directory).append('x', bytes('x'))).toThrow('others may write there')
  })

  it('refuses a file in place of the directory', () => {
    writeFileSync(join(root, 'a'), '')
    expect(errno(() => directoryState(directory).append('x', bytes('x')))).toBe('ENOTDIR')
  })
})

it('state in memory gives copies', () => {
  const state = memoryState()
  const given = bytes('abc')
  state.replace('x', given)
  given.fill(0)
  state.read('x')!.fill(0)
  expect(state.read('x')).toEqual(bytes('abc'))
})
