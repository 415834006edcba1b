/** A kernel that panics: the machine ends at once, and its last words are shown. */
import {writeFileSync} from 'node:fs'
import {expect, it} from 'vitest'

it('crashes the kernel', () => {
  expect(writeFileSync('/proc/sysrq-trigger', 'c')).toBe('never returns')
})
