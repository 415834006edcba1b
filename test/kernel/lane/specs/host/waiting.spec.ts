/** A connect that takes its time: who waits for it, and what Ctrl-C does to it. */
import {readFileSync} from 'node:fs'
import {once} from 'node:events'
import {afterEach, beforeAll, expect, it} from 'vitest'
import {connect} from '../../../../../src/operations/connect.js'
import {failureOf, kernel, useHost} from '../../guest/host.js'
import {attribute, deviceOf, ENDPOINTS, linkTsm, modelHardware} from '../../guest/machine.js'
import {start} from '../../guest/program.js'

const [DEVICE, SECOND, , ELSEWHERE] = ENDPOINTS

beforeAll(() => modelHardware({notee: [ELSEWHERE]}))
useHost()
afterEach(() => linkTsm({spdm: 0}))

it('whoever looks meanwhile waits, and is told why; Ctrl-C lets the kernel finish', async () => {
  linkTsm({spdm: 0, delay_ms: 2500})
  const first = new AbortController()
  const [told, others]: [string[], string[]] = [[], []]
  let look: Promise<unknown> = Promise.resolve()
  const watched = {
    ...kernel,
    write(path: string, bytes: Uint8Array, signal?: AbortSignal) {
      const written = kernel.write(path, bytes, signal)
      if (path.endsWith('/tsm/connect')) {
        look = kernel.sleep(200).then(() => connect(kernel, SECOND, {dryRun: true, onStep: line => others.push(line)}))
        setTimeout(() => first.abort(), 300)
      }
      return written
    },
  }
  const {changed, failure} = await connect(watched, DEVICE, {signal: first.signal, onStep: line => told.push(line)})
  expect({changed, failure}).toMatchObject({changed: true, failure: {exitCode: 130}})
  expect(failure!.message).toContain('left connected to tsm0, stream0.0.0 (Stream ID 0) secure at both ends')
  expect(told.join('\n')).toContain('Ctrl-C again abandons it')
  expect(await look).toMatchObject({dryRun: true, failure: null})
  expect(others.join('\n')).toContain('another TSM operation is in progress')
})

it('a second Ctrl-C abandons it, which ends it where the TSM heeds signals', async () => {
  linkTsm({spdm: 0, delay_ms: 60_000})
  const abandon = new AbortController()
  const watched = {
    ...kernel,
    write(path: string, bytes: Uint8Array, signal?: AbortSignal) {
      const written = kernel.write(path, bytes, signal)
      if (path.endsWith('/tsm/connect')) setTimeout(() => abandon.abort(), 300)
      return written
    },
  }
  const error = await failureOf(connect(watched, DEVICE, {abandon: abandon.signal}))
  expect(error).toMatchObject({exitCode: 130, details: {key: 'abandoned'}})
  expect(error.message).toMatch(/may yet complete it.*left unknown/)
  expect(readFileSync(`${deviceOf(DEVICE)}/tsm/connect`, 'utf8')).toBe('\n')
})

it('Ctrl-C in a terminal lets the kernel finish, and says how the device was left', async () => {
  linkTsm({spdm: 0, delay_ms: 700})
  const child = start(['connect', DEVICE])
  const told: string[] = []
  child.stderr.on('data', (chunk: Buffer) => {
    told.push(chunk.toString())
    if (told.join('').includes('/tsm/connect') && !told.join('').includes('too late')) child.kill('SIGINT')
  })
  expect((await once(child, 'close'))[0]).toBe(130)
  expect(told.join('')).toMatch(/too late to stop[^]*left connected to tsm0/)
  expect(attribute(DEVICE, 'tsm/connect')).toBe('tsm0')
})
