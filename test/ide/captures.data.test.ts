/** Streams of a running kernel: both ends of every stream link, before, while and after devices are connected. */
import {existsSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {decodeIde, type Ide} from '../../src/ide/index.js'
import {type Kernel, openReplay} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {type Bdf, inspectFunction, listFunctions, listHostBridges, memoryWindows, ridOf} from '../../src/pci/index.js'

const DATA = new URL('../../../shared/data/sysfs/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data/sysfs)'

const open = (name: string): Kernel => openReplay(fileURLToPath(new URL(`${name}.json`, DATA)))

async function ideOf(kernel: Kernel, bdf: Bdf): Promise<Ide | undefined> {
  const {config, configBytes} = await inspectFunction(kernel, bdf)
  const offset = valueOf(valueOf(config)!.ide)
  return offset === undefined ? undefined : decodeIde(valueOf(configBytes)!, offset)
}

/** Idle forms of all selective blocks of the machine, without repetition. */
async function idleForms(kernel: Kernel): Promise<Set<string | undefined>> {
  const forms = new Set<string | undefined>()
  for (const {bdf} of listFunctions(kernel).functions)
    for (const {idle} of (await ideOf(kernel, bdf))?.selectiveStreams ?? []) forms.add(idle)
  return forms
}

describe.skipIf(MISSING !== '')(`IDE streams of a running kernel${MISSING}`, () => {
  it('a connected stream is secure at both ends, under one ID, each naming the other', async () => {
    const kernel = open('3-connected')
    const {functions} = listFunctions(kernel)
    const ports = new Map(functions.map(({bdf, place}) => [bdf, valueOf(place)!.ports]))
    const links = listHostBridges(kernel, functions).flatMap(({streams}) => valueOf(streams)!)
    expect(links).toHaveLength(3)
    for (const {hostBridgeSlot, rootPortBlock, endpointBlock, endpoint} of links) {
      const bdf = valueOf(endpoint)!
      const rootPort = ports.get(bdf)![0]!
      const near = (await ideOf(kernel, rootPort))!.selectiveStreams[rootPortBlock]!
      const far = (await ideOf(kernel, bdf))!.selectiveStreams[endpointBlock]!
      for (const end of [near, far])
        expect(end).toMatchObject({secure: true, streamId: hostBridgeSlot, idle: undefined, usableByLinux: true})
      expect(far.rid).toMatchObject({valid: true, base: ridOf(rootPort), limit: ridOf(rootPort)})
      expect(near.rid).toMatchObject({valid: true, base: ridOf(bdf)})
      expect(near.rid.limit).toBeGreaterThanOrEqual(ridOf(bdf))
      expect(near.addresses.filter(({valid}) => valid).length).toBeGreaterThan(0)
    }
  })

  it('the root port matches the memory windows of the bridge above the device', async () => {
    const kernel = open('3-connected')
    const near = (await ideOf(kernel, '0000:00:03.0'))!.selectiveStreams[0]!
    const {config} = await inspectFunction(kernel, '0000:00:03.0')
    const header = valueOf(valueOf(config)!.header)!
    expect(header.type).toBe('bridge')
    const {memory, prefetchable} = memoryWindows(header.fields as Parameters<typeof memoryWindows>[0])
    expect(near.addresses).toMatchObject([memory, prefetchable])
  })

  it.each([
    ['0-stock', []],
    ['1-no-tsm', ['enumerated']],
    ['3-connected', ['enumerated', undefined]],
    ['5-disconnected', ['cleared', 'enumerated']],
  ])('%s: selective blocks are %j', async (name, forms) => expect(await idleForms(open(name))).toEqual(new Set(forms)))

  it('registers of every capture decode without findings', async () => {
    for (const name of ['1-no-tsm', '2-tsm-loaded', '4-bound', '6-devsec-loaded', '9-tvm']) {
      const kernel = open(name)
      let ports = 0
      for (const {bdf} of listFunctions(kernel).functions) {
        const ide = await ideOf(kernel, bdf)
        if (ide === undefined) continue
        ports++
        expect([name, bdf, ide.findings, ide.complete]).toEqual([name, bdf, [], true])
      }
      expect(ports).toBe(7)
    }
  })
})
