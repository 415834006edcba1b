/**
 * A kernel with TSMs of both sides: a function has one context, `tsm/connect` and `tsm/lock` both name whoever made it,
 * and asked for the DSM or TDI of a lock the kernel follows a null pointer.
 */
import {describe, expect, it} from 'vitest'
import type {Kernel} from '../../src/kernel/index.js'
import {readDiagnosedMachine} from '../../src/operations/read-diagnosed.js'
import {connect, disconnect, listDevices, lock, showDevice, unlock} from '../../src/operations/index.js'
import {watch, type WatchEvent} from '../../src/operations/watch/index.js'
import {machineStatus} from '../../src/sim/index.js'
import {labMachine} from '../support/lab.js'

const CONNECTED = '10000:01:00.0'
const LOCKED = '10001:03:00.0'

const guard = (path: string): void => {
  if (/\/10001:03:00\.0\/tsm\/(?:dsm|bound|disconnect)$/.test(path)) throw new Error(`null pointer: ${path}`)
}

/** `inner`, whose reader dies where a real one would; nobody gets an answer from there. */
function deadly(inner: Kernel): Kernel {
  return {
    ...inner,
    read: path => (guard(path), inner.read(path)),
    query: (path, signal) => (guard(path), inner.query(path, signal)),
    write: (path, bytes, signal) => (guard(path), inner.write(path, bytes, signal)),
  }
}

async function machine() {
  const {kernel: inner, directory} = await labMachine('sample-kernel')
  await connect(inner, CONNECTED)
  await lock(inner, LOCKED)
  return {kernel: deadly(inner), directory}
}

describe('one function connected and one locked, on one kernel', () => {
  it('are told apart by every verb that reads, none of which asks what must not be asked', async () => {
    const {kernel} = await machine()
    const {devices} = await listDevices(kernel)
    expect(devices.filter(({state}) => state !== null).map(({bdf, tsm, state}) => [bdf, tsm, state])).toEqual([
      [CONNECTED, 'tsm0', 'connected'],
      [LOCKED, 'tsm1', 'CONFIG_LOCKED'],
    ])
    const shown = JSON.stringify(await showDevice(kernel, LOCKED))
    expect(shown).toContain('CONFIG_LOCKED')
    expect(shown).not.toContain('not asked')
    await readDiagnosedMachine(kernel)

    const events: WatchEvent[] = []
    const {signal} = new AbortController()
    for await (const event of watch(kernel, {signal, interval: 1000, once: true})) events.push(event)
    const facts = events.flatMap(event => (event.kind === 'state' ? [[event.name, event.now.facts]] : []))
    expect(Object.fromEntries(facts)).toMatchObject({
      [CONNECTED]: {tsm: {value: 'tsm0'}, state: {value: 'connected'}, dsm: {value: CONNECTED}},
      [LOCKED]: {
        tsm: {value: 'tsm1'},
        state: {value: 'CONFIG_LOCKED'},
        dsm: {value: null},
        authenticated: {value: null},
      },
    })
  })

  it('are left alone by the verbs of the other side', async () => {
    const {kernel, directory} = await machine()
    const refused = await connect(kernel, LOCKED)
    expect(refused).toMatchObject({changed: false, failure: {kind: 'busy'}})
    expect(refused.failure!.message).toContain("it is locked by tsm1, which serves the guest's side")
    expect(refused.failure!.hint).toBe(`tsmctl unlock ${LOCKED} first.`)
    expect(await disconnect(kernel, LOCKED)).toMatchObject({tsm: null, changed: false, failure: null})
    expect(await unlock(kernel, CONNECTED)).toMatchObject({changed: false, after: {state: 'CONFIG_UNLOCKED'}})
    expect(machineStatus(directory).violations).toEqual([])
    expect(await disconnect(kernel, CONNECTED)).toMatchObject({tsm: 'tsm0', changed: true})
  })
})
