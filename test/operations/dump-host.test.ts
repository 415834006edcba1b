/** A dump of configuration spaces as a host: what a running kernel would say is unknown, and nothing is absent. */
import {describe, expect, it} from 'vitest'
import {
  cellText,
  columnNamed,
  connect,
  disconnect,
  examineMachine,
  hostNote,
  listColumns,
  listDevices,
  showDevice,
} from '../../src/operations/index.js'
import {dumpKernel} from '../../src/kernel/index.js'
import {DEVICE, space} from './ide-tree.js'

const rows = (bytes: Uint8Array): string =>
  Array.from({length: bytes.length / 16}, (_, row) => {
    const at = row * 16
    return `${at.toString(16).padStart(2, '0')}: ${[...bytes.subarray(at, at + 16)].map(byte => byte.toString(16).padStart(2, '0')).join(' ')}\n`
  }).join('')
const TEXT = `${DEVICE.slice(5)} Class 0108: Device 1b36:0001\n${rows(space(0, false))}`
const kernel = dumpKernel(Buffer.from(TEXT), 'x.dump')!

describe('a dump of one device', () => {
  it('lists it without a claim about TSM and driver', async () => {
    const list = await listDevices(kernel)
    expect(list).toMatchObject({
      tsmCore: null,
      devices: [{state: null, unknown: expect.stringContaining('says nothing')}],
    })
    expect(hostNote(kernel, list)).toMatch(/TSM unknown/)
    const columns = ['driver', 'state', 'doe', 'stream'].map(columnNamed)
    const {devices} = await listColumns(kernel, {columns})
    expect(columns.map(column => cellText(devices[0]!.cells.get(column)!))).toEqual(['?', '?', '?', '?'])
  })

  it('shows it so, too', async () => {
    const {view, text} = await showDevice(kernel, DEVICE)
    expect(view.unreadable.map(({field}) => field)).toEqual(
      expect.arrayContaining(['driver', 'doeFeatures', 'streams']),
    )
    expect(text).not.toMatch(/driver +none|no TSM is registered/)
  })

  it('is not told that its kernel lacks anything', async () => {
    for (const act of [connect, disconnect])
      // both lock the device
      // oxlint-disable-next-line no-await-in-loop
      await expect(act(kernel, DEVICE)).rejects.toMatchObject({
        kind: 'unsupported',
        got: expect.not.stringMatching(/no TSM core|offers no/),
      })
    const {checks} = await examineMachine(kernel, {use: 'host'})
    expect(checks.filter(({status}) => status === 'FAIL')).toEqual([])
    const statusOf = (id: string) => checks.find(check => check.id === id)!.status
    expect(['kernel.pci-doe', 'topology.root-port-ide', 'topology.port-above'].map(statusOf)).toEqual([
      'UNKNOWN',
      'UNKNOWN',
      'UNKNOWN',
    ])
  })
})
