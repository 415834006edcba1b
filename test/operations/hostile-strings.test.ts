/** Whatever a device, a host or a recording puts into a name, nothing but printable text reaches a terminal. */
import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {listNotes, listText} from '../../src/cli/list-output.js'
import {deviceTable} from '../../src/cli/device-table.js'
import {envelope, envelopeText} from '../../src/cli/envelope.js'
import {transitionText} from '../../src/cli/transition-text.js'
import {parseCapture, replayKernel} from '../../src/kernel/index.js'
import {HOSTILE} from '../support/hostile.js'
import {COLUMNS, listColumns, listDevices, lock, showDevice} from '../../src/operations/index.js'

const hostile = '\u001b]0;owned\u0007\u009b2J'
const escapedJson = (text: string): string => JSON.stringify(text).slice(1, -1)
const PRINTABLE = /^[\x20-\x7e§\n]*$/

/** A recording in which drivers, TSMs and a class name carry control sequences. */
function hostileMachine(name: string, escaped = escapedJson(hostile)) {
  const text = readFileSync(new URL(`../../fixtures/captures/${name}.json`, import.meta.url), 'utf8')
  return replayKernel(
    parseCapture(text.replaceAll(/DRIVER=\w+/g, `DRIVER=nv${escaped}me`).replaceAll('tsm0\\n', `tsm0${escaped}\\n`)),
  )
}

describe.each(['host-connected', 'guest-locked'])('hostile %s', name => {
  it('lists and shows printable text only', async () => {
    const kernel = hostileMachine(name)
    const list = await listDevices(kernel)
    expect(JSON.stringify(list)).toContain('owned')
    expect(listText(list)).toMatch(PRINTABLE)
    const listed = await listColumns(kernel, {columns: COLUMNS})
    for (const shape of ['table', 'tree', 'raw'] as const)
      expect(deviceTable(listed, COLUMNS, {shape, headings: true})).toMatch(PRINTABLE)
    expect(listNotes(kernel, list).join('\n')).toMatch(PRINTABLE)
    for (const {bdf} of list.devices) expect((await showDevice(kernel, bdf)).text).toMatch(PRINTABLE)
  })
})

it.each(Object.entries(HOSTILE))('a driver and a TSM called by %s', async (_, text) => {
  // the kernel gives bytes, and a recording keeps each of them as one character
  const kernel = hostileMachine('guest-locked', escapedJson(Buffer.from(text).toString('latin1')))
  const list = await listDevices(kernel)
  const held = list.devices.find(({state}) => state === 'CONFIG_LOCKED')
  const shown = held === undefined ? '' : (await showDevice(kernel, held.bdf)).text
  const json = envelopeText(envelope('list', kernel.host, list, [], undefined))
  expect(`${listText(list)}${shown}${json}`).toMatch(PRINTABLE)
})

it('plans and refusals are printable too', async () => {
  const kernel = hostileMachine('guest-locked')
  const {devices} = await listDevices(kernel)
  const tdi = devices.find(({state}) => state === 'CONFIG_LOCKED')!
  const outcome = await lock(kernel, tdi.bdf, {dryRun: true}).then(transitionText, (error: Error) => error.message)
  expect(outcome).toMatch(PRINTABLE)
})
