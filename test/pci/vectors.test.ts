/** Attributes of a host byte for byte as the kernel prints them, and what they mean. Registers are with `src/ide`. */
import {describe, expect, it} from 'vitest'
import type {Kernel} from '../../src/kernel/index.js'
import {known, valueOf} from '../../src/known.js'
import {inspectFunction, listHostBridges, readTsmAttributes} from '../../src/pci/index.js'
import {functionNodes, mapKernel, type Node} from './map-kernel.js'

const BRIDGE = '/sys/devices/pci0000:40'
const ROOT = '0000:40:01.0'
const PF = '0000:41:00.0'
const VF = '0000:41:00.4'
const device = (bdf: string): string => `/sys/bus/pci/devices/${bdf}`
const machine = (extra: Record<string, Node>): Kernel =>
  mapKernel({
    ...functionNodes(PF, `pci0000:40/${ROOT}`),
    ...functionNodes(VF, `pci0000:40/${ROOT}`),
    [`${device(VF)}/physfn`]: {link: `../${PF}`},
    ...extra,
  })

describe('attributes', () => {
  it.each([
    [[0x0a], ''],
    [[0x74, 0x73, 0x6d, 0x30, 0x0a], 'tsm0'],
  ])('connect of bytes %j names %j', async (bytes, tsm) => {
    const {connect} = await readTsmAttributes(machine({[`${device(PF)}/tsm/connect`]: Uint8Array.from(bytes)}), PF)
    expect(connect).toEqual({present: true, value: known(tsm)})
  })

  it('dsm of a VF names the function that it is a subfunction of', async () => {
    const {dsm, connect} = await readTsmAttributes(machine({[`${device(VF)}/tsm/dsm`]: `${PF}\n`}), VF)
    expect([dsm, connect.present]).toEqual([{present: true, value: known(PF)}, false])
  })

  it('255 free slots and one link are one stream', () => {
    const kernel = machine({
      [`${BRIDGE}/available_secure_streams`]: '255\n',
      [`${BRIDGE}/stream0.0.0`]: {link: `${ROOT}/${PF}`},
    })
    const [bridge] = listHostBridges(kernel, [])
    expect(bridge!.availableSecureStreams).toEqual({present: true, value: known(255)})
    expect(valueOf(bridge!.streams)).toMatchObject([
      {hostBridgeSlot: 0, rootPortBlock: 0, endpointBlock: 0, endpoint: known(PF)},
    ])
  })

  it('config of 64 bytes is that of a caller without privilege: capabilities are unknown, not absent', async () => {
    const config = new Uint8Array(64)
    // Status bit 4: there is a capability list
    config[6] = 0x10
    config[0x34] = 0x40
    const {config: space} = await inspectFunction(machine({[`${device(PF)}/config`]: config}), PF)
    const {capabilities, extendedCapabilities, teeIo, ide} = valueOf(space)!
    for (const fact of [capabilities, extendedCapabilities, teeIo, ide])
      expect(fact).toMatchObject({known: false, reason: expect.stringContaining('CAP_SYS_ADMIN')})
  })
})
