/** A guest that hangs: the lane ends it at its time limit. */
import {expect, it} from 'vitest'

it('passes before the machine hangs', () => expect(process.pid).toBeGreaterThan(0))

it('never gives its processor back', () => {
  expect(process.pid).toBeGreaterThan(0)
  for (;;);
})
