/** Every real capture and dump at hand goes through list and show, unprivileged knowledge included. */
import {existsSync, readdirSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {listDevices, showDevice} from '../../src/operations/index.js'

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const files = (directory: string, ending: string): string[] =>
  existsSync(data + directory)
    ? readdirSync(data + directory)
        .filter(name => name.endsWith(ending))
        .map(name => `${data}${directory}/${name}`)
    : []

const states = async (capture: string): Promise<Record<string, string>> => {
  const {devices} = await listDevices(openReplay(`${data}sysfs/${capture}.json`))
  return Object.fromEntries(devices.flatMap(({bdf, state, tsm}) => (state ? [[bdf, `${state} ${tsm}`]] : [])))
}

describe.skipIf(!existsSync(data))('real machines (needs ../shared/data)', () => {
  const sources = [...files('sysfs', '.json'), ...files('pci', '.dump')]

  it.each(sources.map(path => [path.slice(data.length), path]))('lists and shows %s', async (_, path) => {
    const kernel = openReplay(path)
    const {devices, vanished} = await listDevices(kernel)
    expect(devices.length).toBeGreaterThan(0)
    expect(vanished).toEqual([])
    for (const row of devices) {
      const {view, text} = await showDevice(kernel, row.bdf)
      expect(view.bdf).toBe(row.bdf)
      expect(view.config).not.toBeNull()
      expect(text).toMatch(/^[\x20-\x7e§\n]*$/)
    }
  })

  it.each([
    [
      '2-tsm-loaded',
      {
        '0000:01:00.0': 'disconnected null',
        '0000:02:00.0': 'disconnected null',
        '0000:05:00.0': 'disconnected null',
        '0000:41:00.0': 'disconnected null',
      },
    ],
    ['7-locked', {'0000:02:00.0': 'CONFIG_LOCKED tsm0'}],
    ['8-run', {'0000:02:00.0': 'RUN tsm0'}],
    ['1-no-tsm', {}],
  ])('tells the states of %s', async (capture, expected) => {
    expect(await states(capture)).toMatchObject(expected)
  })

  it('says "no TSM" where there is none, and that this kernel could not have one', async () => {
    const [without, old] = await Promise.all(
      ['1-no-tsm', 'stock-6.12'].map(name => listDevices(openReplay(`${data}sysfs/${name}.json`))),
    )
    expect([without!.tsms, without!.tsmCore, old!.tsmCore]).toEqual([[], true, false])
    expect(without!.devices.every(({state, unknown}) => state === null && unknown !== null)).toBe(true)
  })
})
