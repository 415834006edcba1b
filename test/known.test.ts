import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../src/errors.js'
import {ABSENT, attempt, attemptPresent, known, mapKnown, thenKnown, unknown, valueOf} from '../src/known.js'

const refuse =
  (errno: string, extra = {}) =>
  (path: string): never => {
    throw new ErrnoError(errno, 'read', path, extra)
  }

describe('attempt', () => {
  it('knows what it read', () => expect(attempt('/x', path => path.length)).toEqual(known(2)))

  it.each([
    ['EIO', {}, '/x: EIO (input/output error)'],
    ['EACCES', {}, '/x: EACCES (permission denied); run as root'],
    ['EIO', {got: 'not in this recording'}, '/x: not in this recording'],
  ])('keeps why it was refused: %s %j', (errno, extra, reason) =>
    expect(attempt('/x', refuse(errno, extra))).toEqual(unknown(reason)),
  )

  it('prints foreign paths escaped', () =>
    expect(attempt('/\u001B[2J', refuse('EIO'))).toMatchObject({reason: expect.stringContaining(String.raw`/\x1b[2J`)}))

  it('does not call a bug a fact', () =>
    expect(() =>
      attempt('/x', () => {
        throw new TypeError('bug')
      }),
    ).toThrow(TypeError))
})

describe('attemptPresent', () => {
  it.each(['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR'])('%s is absence', errno =>
    expect(attemptPresent('/x', refuse(errno))).toBe(ABSENT),
  )

  it('anything else is presence without knowledge', () =>
    expect(attemptPresent('/x', refuse('EACCES'))).toMatchObject({present: true, value: {known: false}}))
})

it('unknown stays unknown for the same reason', () => {
  const nothing = unknown('why')
  expect(mapKnown(nothing, () => 1)).toBe(nothing)
  expect(thenKnown(nothing, () => known(1))).toBe(nothing)
  expect(thenKnown(known(1), () => nothing)).toBe(nothing)
  expect(mapKnown(known(1), n => n + 1)).toEqual(known(2))
  expect([valueOf(nothing), valueOf(known(1))]).toEqual([undefined, 1])
})
