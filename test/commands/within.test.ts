/** A time limit strikes, whatever is collected meanwhile. */
import {once} from 'node:events'
import {setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'
import {expect, it} from 'vitest'
import {within} from '../../src/cli/host-flags.js'
import {isTimeout} from '../../src/operations/attentive.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

it('strikes although memory was collected and nobody but its user refers to it', async () => {
  const limited = within(new AbortController().signal, 0.02)
  const struck = once(limited, 'abort')
  collect()
  // a timer that nothing else waits for does not keep a process
  const alive = setTimeout(() => undefined, 10_000)
  await struck
  clearTimeout(alive)
  expect(isTimeout(limited)).toBe(true)
})

it('passes on what the user says, before and after', () => {
  const user = new AbortController()
  const limited = within(user.signal, 60)
  expect(limited.aborted).toBe(false)
  user.abort('enough')
  expect(limited).toMatchObject({aborted: true, reason: 'enough'})
  expect(within(user.signal, 60)).toMatchObject({aborted: true, reason: 'enough'})
})
