import {describe, expect, it} from 'vitest'
import {openReplay, parseLspci, replayKernel} from '../../src/kernel/index.js'
import {deviceTable} from '../../src/cli/device-table.js'
import {chosenColumns, columnNamed, COLUMNS, listColumns, rowJson, STANDARD_NAMES} from '../../src/operations/index.js'

const HOST = new URL('../../fixtures/captures/host-connected.json', import.meta.url).pathname
const [PORT, PF, VF1, VF2] = ['0000:00:03.0', '0000:01:00.0', '0000:01:00.1', '0000:01:00.2']
const names = (given?: string) => chosenColumns(given, STANDARD_NAMES).map(({name}) => name)
const listed = (given: string, sort?: string, path = HOST) =>
  listColumns(openReplay(path), {
    columns: chosenColumns(given, STANDARD_NAMES),
    sort: sort === undefined ? undefined : columnNamed(sort),
  })

describe('-o', () => {
  it.each([
    [undefined, STANDARD_NAMES],
    ['bdf', ['bdf']],
    ['state,bdf', ['state', 'bdf']],
    ['+tee', [...STANDARD_NAMES, 'tee']],
    ['+TEE, ide', [...STANDARD_NAMES, 'tee', 'ide']],
    ['bdf,bdf', ['bdf']],
    ['+bdf,tee', [...STANDARD_NAMES, 'tee']],
  ])('%s', (given, expected) => expect(names(given)).toEqual(expected))

  it.each(['', '+', 'bdf,', 'speed', 'bdf,+tee', '__proto__'])('%j is a usage error that names the columns', given => {
    expect(() => names(given)).toThrow(expect.objectContaining({kind: 'usage', hint: expect.stringContaining('bdf')}))
  })
})

describe('columns', () => {
  it('have names and fields of their own, and a type that every value has', async () => {
    expect(new Set(COLUMNS.map(({name}) => name)).size).toBe(COLUMNS.length)
    expect(new Set(COLUMNS.map(({field}) => field)).size).toBe(COLUMNS.length)
    const types = {text: 'string', number: 'number', flag: 'boolean', list: 'object'}
    const {devices} = await listColumns(openReplay(HOST), {columns: COLUMNS})
    let values = 0
    for (const {cells} of devices)
      for (const [column, fact] of cells)
        if (fact.known && fact.value !== null) {
          expect([column.name, typeof fact.value]).toEqual([column.name, types[column.type]])
          values++
        }
    expect(values).toBeGreaterThan(COLUMNS.length)
  })

  it('that the walk does not need are not read unless asked for', async () => {
    const reads: string[] = []
    const inner = openReplay(HOST)
    const kernel = {
      ...inner,
      read: (path: string) => (reads.push(path), inner.read(path)),
      readAt: (path: string, offset: number, length: number) => (
        reads.push(`${path} ${length}`),
        inner.readAt(path, offset, length)
      ),
    }
    await listColumns(kernel, {columns: chosenColumns(undefined, STANDARD_NAMES)})
    expect(reads.filter(path => /config|numa|power|sriov|doe/.test(path))).toEqual([])
    await listColumns(kernel, {columns: chosenColumns('role', [])})
    expect(reads.filter(path => path.endsWith('config 256'))).not.toEqual([])
    expect(reads.filter(path => path.endsWith('config 4096'))).toEqual([])
  })

  it('stop being read on abort', async () => {
    const signal = AbortSignal.abort()
    await expect(listColumns(openReplay(HOST), {columns: COLUMNS, signal})).rejects.toMatchObject({errno: 'EINTR'})
  })

  it('say what the capture holds', async () => {
    const {devices} = await listed('bdf,role,pf,vf,numvfs,tee,ide,ideused,stream,dsm,topodsm,doe')
    expect(devices.map(rowJson)).toMatchObject([
      {bdf: '0000:00:03.0', role: 'root port', physfn: null, numVfs: null, teeIo: true, ideStreams: 4, dsm: null},
      {
        bdf: '0000:01:00.0',
        role: 'endpoint',
        virtfns: expect.arrayContaining(['0000:01:00.1']),
        ideStreamsInUse: 1,
        streams: ['stream0.0.0'],
        dsm: '0000:01:00.0',
        topologyDsm: '0000:01:00.0',
      },
      {bdf: '0000:01:00.1', physfn: '0000:01:00.0', teeIo: false, ideStreams: null, dsm: '0000:01:00.0'},
      {bdf: '0000:01:00.2', physfn: '0000:01:00.0'},
    ])
  })

  it('that could not be read are null with the reason in JSON, and ? in text', async () => {
    const short = replayKernel(parseLspci(`01:00.0 x\n${lspciLines(64)}`))
    const listing = await listColumns(short, {columns: chosenColumns('bdf,tee,dsm', [])})
    expect(rowJson(listing.devices[0]!)).toMatchObject({
      teeIo: null,
      unreadable: [
        {field: 'teeIo', reason: expect.stringContaining('64 bytes')},
        {field: 'dsm', reason: expect.stringContaining('says nothing about the running kernel')},
      ],
    })
    expect(deviceTable(listing, chosenColumns('bdf,tee,dsm', []), {shape: 'raw', headings: false})).toBe(
      '0000:01:00.0 ? ?\n',
    )
  })
})

/** A function that has a capability list, as far as `length` bytes show. */
const lspciLines = (length: number): string => {
  const bytes = new Uint8Array(length)
  bytes[6] = 0x10
  bytes[0x34] = 0x40
  return Array.from({length: length / 16}, (_, row) => {
    const cells = [...bytes.subarray(row * 16, row * 16 + 16)].map(byte => byte.toString(16).padStart(2, '0'))
    return `${(row * 16).toString(16).padStart(2, '0')}: ${cells.join(' ')}\n`
  }).join('')
}

const text = async (given: string, shape: 'table' | 'tree' | 'raw', headings = true) =>
  deviceTable(await listed(`${given},pf`), chosenColumns(given, STANDARD_NAMES), {shape, headings})

describe('shapes', () => {
  it('a raw line splits at blanks into its cells', async () => {
    const lines = (await text('bdf,class,driver', 'raw')).trimEnd().split('\n')
    expect(lines[0]).toBe('BDF CLASS DRIVER')
    for (const line of lines) expect(line.split(' ')).toHaveLength(3)
    expect(lines[1]).toBe('0000:00:03.0 PCI\\x20bridge pcieport')
  })

  it('no headings, no line of them', async () => {
    const [withThem, without] = [await text('bdf', 'table'), await text('bdf', 'table', false)]
    expect(withThem).toBe(`BDF\n${without}`)
  })

  it('in the tree a VF is below its physical function', async () => {
    expect(await text('bdf,state', 'tree', false)).toBe(
      'pci0000:00\n  0000:00:03.0      -\n    0000:01:00.0    connected\n      0000:01:00.1  -\n      0000:01:00.2  -\n',
    )
  })
})

const order = async (sort: string) => (await listed('bdf', sort)).devices.map(({row}) => row.bdf)

describe('--sort', () => {
  it.each([
    ['bdf', [PORT, PF, VF1, VF2]],
    ['class', [PF, VF1, VF2, PORT]],
    // none comes last
    ['pf', [VF1, VF2, PORT, PF]],
    ['tee', [VF1, VF2, PORT, PF]],
  ])('%s', async (sort, expected) => expect(await order(sort)).toEqual(expected))
})
