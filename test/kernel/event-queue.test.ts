import {describe, expect, it} from 'vitest'
import {eventQueue} from '../../src/kernel/native/event-queue.js'

const event = (number: number): Uint8Array => Uint8Array.of(number)
const untouched = (): never => expect.unreachable('nobody left')

describe('a queue of events', () => {
  it('gives what came in order, to a reader that waits and to one that comes late', async () => {
    const queue = eventQueue(untouched)
    const first = queue.next()
    queue.push(event(1))
    queue.push('lost')
    queue.push(event(2))
    expect([await first, await queue.next(), await queue.next()].map(({value}) => value)).toEqual([
      event(1),
      'lost',
      event(2),
    ])
  })

  it('says once that it overflowed, and goes on', async () => {
    const queue = eventQueue(untouched, 2)
    for (let i = 0; i < 100; i++) queue.push(event(i))
    const seen = []
    // oxlint-disable-next-line no-await-in-loop
    for (let i = 0; i < 3; i++) seen.push((await queue.next()).value)
    expect(seen).toEqual([event(0), event(1), 'lost'])
    queue.push(event(7))
    expect((await queue.next()).value).toEqual(event(7))
  })

  it('ends behind what is queued, once with its error', async () => {
    const queue = eventQueue(untouched)
    queue.push(event(1))
    queue.end(new RangeError('gone'))
    queue.end(new RangeError('again'))
    queue.push(event(2))
    expect((await queue.next()).value).toEqual(event(1))
    await expect(queue.next()).rejects.toThrow('gone')
    expect(await queue.next()).toEqual({done: true, value: undefined})
  })

  it('ends for a reader that waits', async () => {
    const [quiet, failed] = [eventQueue(untouched), eventQueue(untouched)]
    const waiting = quiet.next()
    quiet.end()
    expect(await waiting).toEqual({done: true, value: undefined})
    const disappointed = failed.next()
    failed.end(new RangeError('gone'))
    await expect(disappointed).rejects.toThrow('gone')
    expect((await failed.next()).done).toBe(true)
  })

  it('is left by its reader', async () => {
    let left = 0
    const queue = eventQueue(() => left++)
    queue.push(event(1))
    queue.push(event(2))
    for await (const one of queue) {
      expect(one).toEqual(event(1))
      break
    }
    expect(left).toBe(1)
    expect((await queue.next()).done).toBe(true)
  })
})
