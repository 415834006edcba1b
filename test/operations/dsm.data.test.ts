/** Where a real kernel names a DSM, topology had predicted it. */
import {existsSync, readdirSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {columnNamed, listColumns, showDevice} from '../../src/operations/index.js'

const data = fileURLToPath(new URL('../../../shared/data/sysfs/', import.meta.url))
const captures = existsSync(data) ? readdirSync(data).filter(name => name.endsWith('.json')) : []

describe.skipIf(captures.length === 0)('DSMs of real kernels (needs ../shared/data/sysfs)', () => {
  it.each([
    ['3-connected.json', 7],
    ['4-bound.json', 7],
  ])('%s: as predicted, for %i functions', async (name, count) => {
    const columns = ['dsm', 'topodsm', 'bdf'].map(columnNamed)
    const {devices} = await listColumns(openReplay(data + name), {columns})
    const named = devices
      .map(({cells}) => columns.map(column => cells.get(column)))
      .filter(([dsm]) => dsm?.known && dsm.value !== null)
    expect(named).toHaveLength(count)
    for (const [dsm, predicted, bdf] of named) expect([bdf, predicted]).toEqual([bdf, dsm])
  })

  it.each([
    ['3-connected.json', '0000:41:00.0', 'stream0.0.0', {capability: 4, usable: 4, inUse: 1}],
    ['3-connected.json', '0000:00:03.0', 'stream0.0.0', {capability: 4, usable: 4, inUse: 1}],
    ['2-tsm-loaded.json', '0000:41:00.0', undefined, {capability: 4, usable: 4, inUse: 0}],
  ])('%s %s: stream %s and its numbers', async (name, bdf, stream, numbers) => {
    const {view} = await showDevice(openReplay(data + name), bdf)
    expect(view.streams?.[0]).toBe(stream)
    expect(view.ideStreams).toEqual(numbers)
  })

  it('knows every port of the way through a switch', async () => {
    const {view, text} = await showDevice(openReplay(`${data}3-connected.json`), '0000:05:00.0')
    expect(view.path.map(({role}) => role)).toEqual(['root port', 'upstream port', 'downstream port'])
    expect(text).toContain('0000:00:05.0 root port > 0000:03:00.0 upstream port > 0000:04:00.0 downstream port')
  })
})
