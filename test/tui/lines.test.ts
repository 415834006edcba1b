import {harmless} from '../../src/errors.js'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {pair, paragraph, span, textOf, wrapText} from '../../src/tui/lines.js'

const words = fc.array(fc.stringMatching(/^[a-z0-9]{1,40}$/), {minLength: 1, maxLength: 20}).map(all => all.join(' '))
const width = fc.integer({min: 1, max: 60})

describe('wrapped text', () => {
  it('fits and loses nothing', () => {
    fc.assert(
      fc.property(words, width, (text, columns) => {
        const lines = wrapText(text, columns)
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })

  it.each([
    ['one two three', 7, ['one two', 'three']],
    ['abcdefgh', 3, ['abc', 'def', 'gh']],
    ['', 5, ['']],
  ])('%j in %i columns is %j', (text, columns, lines) => {
    expect(wrapText(text, columns)).toEqual(lines)
  })

  it('hangs beside a short lead and goes below a long one', () => {
    expect(paragraph([span('a: ')], 'one two three', 10).map(textOf)).toEqual(['a: one two', '   three'])
    expect(paragraph([span('longest: ')], 'one two', 10).map(textOf)).toEqual(['longest: ', '  one two'])
    expect(pair('slot', '0', 40).map(textOf)).toEqual(['slot         0'])
  })
})

it('composed sentences keep no character that drives a terminal', () => {
  expect(harmless('a\x1b[2J\u202e"b" \\x41')).toBe('a\\x1b[2J\\u{202e}"b" \\x41')
  fc.assert(
    fc.property(fc.string({unit: 'binary'}), text => {
      expect(harmless(text)).toMatch(/^[\x20-\x7e]*$/)
    }),
  )
})
