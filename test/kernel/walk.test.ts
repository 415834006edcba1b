import {describe, expect, it} from 'vitest'
import {type Lookup, resolvePath} from '../../src/kernel/index.js'
import {errno} from './errnos.js'

const TREE: Readonly<Record<string, ReturnType<Lookup>>> = {
  '/a': 'directory',
  '/a/b': 'directory',
  '/a/b/file': 'file',
  '/a/up': {link: '../a/b'},
  '/a/abs': {link: '/a/b'},
  '/a/out': {link: '../../../../a/b'},
  '/a/loop': {link: 'loop'},
  '/a/ping': {link: 'pong'},
  '/a/pong': {link: 'ping'},
  '/a/dangling': {link: 'nowhere/x'},
  '/a/long': {link: 'x/'.repeat(3000)},
  ...Object.fromEntries(Array.from({length: 60}, (_, i) => [`/a/chain${i}`, {link: i === 0 ? 'b' : `chain${i - 1}`}])),
}
const resolve = (path: string, follow = true): string => resolvePath(path, follow, at => TREE[at], 'read')

describe('path lookup', () => {
  it.each([
    ['/', '/'],
    ['/a/b/file', '/a/b/file'],
    ['//a/./b//file', '/a/b/file'],
    ['/a/up/file', '/a/b/file'],
    ['/a/up/..', '/a'],
    ['/a/abs/file', '/a/b/file'],
    ['/a/out/file', '/a/b/file'],
    ['/../../a', '/a'],
    ['/a/b/nothing', '/a/b/nothing'],
    ['/a/chain39', '/a/b'],
  ])('%s is %s', (path, expected) => {
    expect(resolve(path)).toBe(expected)
  })

  it('follows the last link only when told to', () => {
    expect(resolve('/a/up', false)).toBe('/a/up')
    expect(resolve('/a/up')).toBe('/a/b')
  })

  it.each([
    ['/x/y', 'ENOENT'],
    ['a/b', 'ENOENT'],
    ['/a/dangling', 'ENOENT'],
    ['/a/b/file/x', 'ENOTDIR'],
    ['/a/loop', 'ELOOP'],
    ['/a/ping/x', 'ELOOP'],
    ['/a/chain40', 'ELOOP'],
    ['/a/long', 'ENAMETOOLONG'],
    [`/${'x'.repeat(5000)}`, 'ENAMETOOLONG'],
  ])('%s is refused with %s', (path, expected) => {
    expect(errno(() => resolve(path))).toBe(expected)
  })
})
