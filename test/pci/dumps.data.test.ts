/** Dumps of real devices against what another decoder, and the project they come from, state about them. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {inspectFunction, listFunctions, parseBdf} from '../../src/pci/index.js'

const DATA = new URL('../../../shared/data/pci/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data/pci)'

interface Expected {
  readonly bdf: string
  readonly config_len: number
  readonly vendor: string
  readonly device: string
  readonly class: string
  readonly header_type: number
  readonly pcie_type: number
  readonly devcap_tee_io: number
  readonly devcap_flr: number
  readonly caps: readonly {readonly offset: number; readonly id: number}[]
  readonly ecaps: readonly {readonly offset: number; readonly id: number; readonly version: number}[]
  readonly ide?: object
  readonly doe?: readonly Readonly<Record<string, unknown>>[]
}
interface Manifest {
  readonly entries: readonly {readonly file: string; readonly expected: {readonly devices?: readonly Expected[]}}[]
}

const manifest =
  MISSING === '' ? (JSON.parse(readFileSync(new URL('MANIFEST.json', DATA), 'utf8')) as Manifest) : {entries: []}
const devices = manifest.entries.flatMap(({file, expected}) =>
  (expected.devices ?? []).map(device => ({file, ...device, name: `${device.bdf} of ${file}`})),
)

describe.skipIf(MISSING !== '')(`dumps of real devices${MISSING}`, () => {
  it('are all there', () => expect(devices).toHaveLength(6))

  it.each(devices)('$name', async expected => {
    const kernel = openReplay(fileURLToPath(new URL(expected.file, DATA)))
    const bdf = parseBdf(expected.bdf)
    expect(listFunctions(kernel).functions.map(found => found.bdf)).toContain(bdf)
    const {config, ids} = await inspectFunction(kernel, bdf)
    const space = valueOf(config)!
    const {fields} = valueOf(space.header)!
    expect(space.length).toBe(expected.config_len)
    expect([fields.vendorId, fields.deviceId]).toEqual(
      [expected.vendor, expected.device].map(id => Number.parseInt(id, 16)),
    )
    expect(valueOf(ids)!.classCode).toBe(Number.parseInt(expected.class, 16))
    expect(fields.headerType).toBe(expected.header_type)
    const express = valueOf(space.express)!
    expect(express.portType).toBe(expected.pcie_type)
    expect(Number(express.flr)).toBe(expected.devcap_flr)
    expect(space.teeIo).toEqual({known: true, value: expected.devcap_tee_io === 1})
    expect(valueOf(space.capabilities)!.map(({offset, id}) => ({offset, id}))).toEqual(expected.caps)
    expect(valueOf(space.extendedCapabilities)!.map(({offset, id, version}) => ({offset, id, version}))).toEqual(
      expected.ecaps,
    )
    expect(valueOf(space.ide) === undefined).toBe(expected.ide === undefined)
    expect(
      valueOf(space.doe)!.map(({offset, registers}) => ({
        offset,
        int_supported: Number(registers.interruptSupport),
        int_msg: registers.interruptMessage,
        busy: Number(registers.busy),
        error: Number(registers.error),
        ready: Number(registers.ready),
      })),
    ).toEqual((expected.doe ?? []).map(({cap: _cap, ctl: _ctl, sts: _sts, ...stated}) => stated))
  })
})
