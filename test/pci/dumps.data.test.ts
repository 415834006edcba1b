/** Dumps of real devices against what another decoder, and the project they come from, state about them. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay, readText} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {
  CMA_SPDM,
  DOE,
  inspectFunction,
  listFunctions,
  offers,
  parseBdf,
  readDoeFeatures,
  SECURED_CMA_SPDM,
} from '../../src/pci/index.js'
import {shell} from '../sim/host-machines.js'
import {attributePath, machines} from '../sim/machines.js'
import {mapKernel} from './map-kernel.js'

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
  it('are all there', () => {
    expect(devices).toHaveLength(6)
    // texts of another decoder are compared in the tests of IDE, observations below
    const others = manifest.entries.filter(({expected}) => expected.devices === undefined).map(({file}) => file)
    expect(others).toEqual(['ide-disabled.dump.lspci-vvv.txt', 'doe-two.dump.lspci-vvv.txt', 'field-observations.json'])
  })

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

interface Observation {
  readonly device: string
  readonly doe_features_contents?: Readonly<Record<string, string>>
  readonly ecap_header?: string
  readonly doe_cap?: string
  readonly doe_ctl?: string
  readonly doe_sts?: string
  readonly expected?: {
    readonly available_secure_streams_before: number
    readonly after_connect: number
    readonly after_disconnect: number
    readonly stream_link_names: readonly string[]
  }
}

describe.skipIf(MISSING !== '')(`observations on devices of others${MISSING}`, () => {
  const {observations} =
    MISSING === ''
      ? (JSON.parse(readFileSync(new URL('field-observations.json', DATA), 'utf8')) as {
          observations: readonly Observation[]
        })
      : {observations: []}

  it('are two', () => expect(observations).toHaveLength(2))

  it('an NVMe that offers CMA but not Secured CMA, and sets bits that nobody defined', () => {
    const seen = observations[0]!
    const contents = Object.entries(seen.doe_features_contents!)
    const directory = '/sys/bus/pci/devices/0000:01:00.0/doe_features'
    const features = readDoeFeatures(
      mapKernel(Object.fromEntries(contents.map(([name, text]) => [`${directory}/${name}`, `${text}\n`]))),
      '0000:01:00.0',
    )
    expect([offers(features, CMA_SPDM), offers(features, SECURED_CMA_SPDM)]).toEqual([
      {known: true, value: true},
      {known: true, value: false},
    ])
    const words = [seen.ecap_header, seen.doe_cap, seen.doe_ctl, seen.doe_sts, '0x0', '0x0'].map(Number)
    const bytes = new Uint8Array(24)
    words.forEach((word, index) => new DataView(bytes.buffer).setUint32(4 * index, word, true))
    expect(DOE.decode(bytes)).toMatchObject({
      id: 0x2e,
      version: 2,
      interruptSupport: true,
      interruptMessage: 0,
      busy: false,
      error: false,
      ready: false,
    })
  })

  const make = machines()

  it('pool, link and attributes of a connection below a domain of five digits', async () => {
    const {available_secure_streams_before, after_connect, after_disconnect, stream_link_names} =
      observations[1]!.expected!
    const PF = '10000:01:00.0'
    const OTHER = '10000:01:00.1'
    const machine = await make({
      name: 'observed',
      text: `
title: As observed
provider: {like: generic}
bridges: [{at: "10000:00", pool: ${available_secure_streams_before}}]
ports: [{at: "10000:00:00.0", bus: 1, ide: {selective: 2}}]
devices: [{at: "${PF}", kind: nvme, ide: {selective: 2}}, {at: "${OTHER}", kind: virtio-net}]
`,
    })
    const {write, read, list, bridge} = shell(machine)
    expect([read(`${PF}/tsm/dsm`), read(`${PF}/tsm/bound`), list(`${OTHER}/tsm`)]).toEqual(['', '', 'ENOENT'])
    expect(bridge('pci10000:00')).toBe(`avail=${available_secure_streams_before}`)
    expect(await write(`${PF}/tsm/connect`, 'tsm0')).toBe('ok')
    expect(bridge('pci10000:00')).toBe(`${stream_link_names.join(' ')} avail=${after_connect}`)
    expect(readText(machine.kernel, attributePath(OTHER, 'tsm/dsm'))).toBe(PF)
    expect(await write(`${PF}/tsm/disconnect`, 'tsm0')).toBe('ok')
    expect(bridge('pci10000:00')).toBe(`avail=${after_disconnect}`)
  })
})
