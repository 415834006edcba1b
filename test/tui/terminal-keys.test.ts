import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {decodeKeys, flushKeys, isTypeable} from '../../src/tui/terminal-keys.js'

const keys = (input: string): readonly string[] => decodeKeys(input).keys

describe('keys of a terminal', () => {
  it.each([
    ['jjjk', ['j', 'j', 'j', 'k']],
    ['\x1b[A\x1bOB\x1b[5~', ['up', 'down', 'page-up']],
    ['/error\r\t', ['/', 'e', 'r', 'r', 'o', 'r', 'enter', 'tab']],
    ['\x1b[Z\x1b[15~\x1b[[E', ['shift-tab', 'f5', 'f5']],
    ['\x7f\b\x15\x03', ['backspace', 'backspace', 'ctrl-u', 'ctrl-c']],
    ['\x1b[H\x1b[4~\x1bOF', ['home', 'end', 'end']],
    // unknown sequences leave nothing behind, not even their letters
    ['a\x1b[200~b\x1b[1;5Cc\x1b[<0;1;2Md', ['a', 'b', 'c', 'd']],
    ['\x1bq', ['escape', 'q']],
    ['\x1b\x1b[A', ['escape', 'up']],
    ['\x00\x01\x1f\u202e\u200b', []],
    ['für', ['f', 'ü', 'r']],
  ])('%j is %j', (input, expected) => {
    expect(decodeKeys(input)).toEqual({keys: expected, rest: ''})
  })

  it('keeps the start of a sequence until its end arrives', () => {
    expect(decodeKeys('j\x1b[1')).toEqual({keys: ['j'], rest: '\x1b[1'})
    expect(keys('\x1b[15~')).toEqual(['f5'])
    expect(decodeKeys('\x1b')).toEqual({keys: [], rest: '\x1b'})
  })

  it('takes what never became a sequence for the Escape key', () => {
    expect(flushKeys('\x1b')).toEqual(['escape'])
    expect(flushKeys('\x1b[1')).toEqual(['escape', '[', '1'])
    expect(flushKeys('')).toEqual([])
  })

  it('gives the same keys however the input is cut', () => {
    const pieces = fc.array(fc.constantFrom('\x1b[A', '\x1b[15~', '\x1bOF', 'j', 'q', '\r', '\x7f', 'ü', '\x1b[1;5C'))
    fc.assert(
      fc.property(pieces, fc.nat(), (sequence, at) => {
        const whole = sequence.join('')
        const cut = whole.length === 0 ? 0 : at % whole.length
        const first = decodeKeys(whole.slice(0, cut))
        const second = decodeKeys(first.rest + whole.slice(cut))
        expect([...first.keys, ...second.keys]).toEqual(keys(whole))
        expect(second.rest).toBe('')
      }),
    )
  })

  it('never gives anything but named keys and characters a person can type', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), input => {
        for (const key of keys(input)) expect(isTypeable(key) || /^[a-z0-9-]{2,}$/.test(key)).toBe(true)
      }),
    )
  })
})
