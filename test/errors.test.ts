import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {asTsmctlError} from '../src/cli/base-command.js'
import {ErrnoError, EXIT_CODES, harmless, printable, quoted, TsmctlError} from '../src/errors.js'

describe('harmless', () => {
  it('drives no terminal, and escapes nothing twice', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), foreign => {
        expect(harmless(foreign)).toMatch(/^[\x20-\x7e]*$/)
        const sentence = `it reads ${quoted(foreign)}`
        expect(harmless(sentence)).toBe(sentence)
      }),
    )
    expect(harmless('x'.repeat(12), 10)).toBe('xxxxxxxxxx(+2)')
  })
})

describe('printable', () => {
  it.each([
    ['plain', 'tsm0', 'tsm0'],
    ['escape sequence', '\x1b[2J', '\\x1b[2J'],
    ['quotes and backslash', 'a"b\\c', 'a\\x22b\\x5cc'],
    ['bidi override', 'a\u202eb', 'a\\u{202e}b'],
    ['astral', '\u{1f600}', '\\u{1f600}'],
    ['newline, DEL, NEL', '\n\x7f\x85', '\\x0a\\x7f\\x85'],
  ])('%s', (_, input, shown) => expect(printable(input)).toBe(shown))

  it('is bounded, printable ASCII only, injective up to the cut, idempotent on safe text', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary', maxLength: 200}), fc.string({unit: 'binary', maxLength: 64}), (a, b) => {
        expect(printable(a)).toMatch(/^[\x20-\x7e]*$/)
        expect(printable(a).length).toBeLessThanOrEqual(64 * 10 + 8)
        if ([...a].length <= 64 && [...b].length <= 64 && a !== b) expect(printable(a)).not.toBe(printable(b))
      }),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[ !#-[\]-~]{0,64}$/), safe => {
        expect(printable(safe)).toBe(safe)
      }),
    )
    expect(printable('x'.repeat(70))).toBe(`${'x'.repeat(64)}(+6)`)
    expect(quoted(new Uint8Array([0xff, 0x41]))).toBe('"\\xffA"')
  })
})

describe('TsmctlError', () => {
  it('says what was attempted on which device and what came back', () => {
    const error = new TsmctlError({
      kind: 'busy',
      attempted: 'lock',
      subject: '0000:01:00.0',
      got: 'driver nvme is bound',
    })
    expect(error.message).toBe('cannot lock (0000:01:00.0): driver nvme is bound')
    expect(error.exitCode).toBe(8)
  })

  it('names an errno with its meaning and its exit code', () => {
    const error = new ErrnoError('EACCES', 'write', '/sys/bus/pci/devices/0000:01:00.0/tsm/lock')
    expect(error.message).toBe('cannot write /sys/bus/pci/devices/0000:01:00.0/tsm/lock: EACCES (permission denied)')
    expect(error.exitCode).toBe(EXIT_CODES['not-permitted'])
    expect(new ErrnoError('EWHAT', 'read', '/x').message).toContain('EWHAT')
  })
})

it('an answer too long for a text is said to be one', () => {
  let thrown: unknown
  try {
    'x'.repeat(2 ** 30)
  } catch (error) {
    thrown = error
  }
  expect(asTsmctlError(thrown)).toMatchObject({kind: 'unsupported', exitCode: 7})
  expect(asTsmctlError(new RangeError('Maximum call stack size exceeded'))).toMatchObject({kind: 'bug'})
})
