/** The TSM's side of TDISP: the whole life of an interface, and devices that do not keep to the protocol. */
import {describe, expect, it} from 'vitest'
import {concat, fromHex, toHex} from '../../src/bits/index.js'
import {
  DEVICE_INTERFACE_REPORT,
  TDI_STATE,
  TDISP_CAPABILITIES,
  TDISP_ERROR,
  TDISP_ERROR_CODE,
  TDISP_VERSION,
  TdispClient,
  type TdispErrorName,
  tdispPayload,
  tdiName,
} from '../../src/tdisp/index.js'
import {device, failure, keyed, OFFSET, sender, STREAM, TDI, tdispOf} from '../sim/dsm/device.js'

const ALL_OPTIONAL = [
  'BIND_P2P_STREAM_REQUEST',
  'UNBIND_P2P_STREAM_REQUEST',
  'SET_MMIO_ATTRIBUTE_REQUEST',
  'VDM_REQUEST',
] as const

describe('the life of an interface', () => {
  it('version, capabilities, lock, report, start, stop', async () => {
    const client = tdispOf(await keyed())
    expect(await client.version()).toEqual([0x10])
    expect(await client.capabilities()).toMatchObject({devAddrWidth: 52, numReqThis: 1, numReqAll: 3, lockMsix: true})
    expect(await client.state()).toBe('CONFIG_UNLOCKED')
    const nonce = await client.lock({
      flags: ['noFwUpdate', 'lockMsix', 'allRequestRedirect'],
      defaultStreamId: STREAM,
      mmioReportingOffset: OFFSET,
    })
    expect(nonce).toHaveLength(32)
    expect(await client.state()).toBe('CONFIG_LOCKED')
    const {bytes, report} = await client.report()
    expect(bytes).toHaveLength(97)
    expect(report.mmioRanges.map(({firstPage}) => firstPage)).toEqual([
      0x3_000e_0000n,
      0x3_000e_0008n,
      0x3_000e_000an,
      0x3_0010_0000n,
    ])
    await client.start(nonce)
    expect(await client.state()).toBe('RUN')
    expect((await client.report()).bytes).toEqual(bytes)
    await client.stop()
    expect(await client.state()).toBe('CONFIG_UNLOCKED')
  })

  it.each([1, 7, 64, 96, 97, 98, 0xffff])('the report is the same in portions of %i bytes', async reportPortion => {
    const dsm = await keyed()
    await tdispOf(dsm).lock({flags: ['lockMsix'], defaultStreamId: STREAM})
    const whole = await tdispOf(dsm).report()
    const parts = await new TdispClient({send: sender(dsm), tdi: TDI, reportPortion}).report()
    expect(toHex(parts.bytes)).toBe(toHex(whole.bytes))
  })

  it('a negative MMIO_REPORTING_OFFSET moves the report downwards', async () => {
    const client = tdispOf(await keyed())
    await client.lock({defaultStreamId: STREAM, mmioReportingOffset: -0x1000n})
    expect((await client.report()).report.mmioRanges[0]!.firstPage).toBe(0x2_000d_ffffn)
  })

  it('without LOCK_MSIX the report names nothing of MSI-X', async () => {
    const client = tdispOf(await keyed())
    await client.lock({defaultStreamId: STREAM})
    const {report} = await client.report()
    expect(report).toMatchObject({msixTableSize: 0, msixFunctionMask: false})
    expect(report.mmioRanges.some(({msixTable, msixPba}) => msixTable || msixPba)).toBe(false)
  })

  it('every lock has a nonce of its own', async () => {
    const client = tdispOf(await keyed())
    const first = await client.lock({defaultStreamId: STREAM})
    await client.stop()
    const second = await client.lock({defaultStreamId: STREAM})
    expect(toHex(second)).not.toBe(toHex(first))
    expect(await failure(client.start(first))).toMatchObject({
      kind: 'transition',
      details: {tdispError: 'INVALID_NONCE'},
    })
    expect(await client.state()).toBe('CONFIG_LOCKED')
  })

  it('an updatable range is opened and closed in RUN, and no other', async () => {
    const client = tdispOf(await keyed({tdisp: {optionalRequests: ALL_OPTIONAL}}))
    const nonce = await client.lock({defaultStreamId: STREAM})
    const {report} = await client.report()
    const [fixed, , , updatable] = report.mmioRanges
    expect(await failure(client.setMmioAttribute(updatable!, true))).toMatchObject({
      details: {tdispError: 'INVALID_INTERFACE_STATE'},
    })
    await client.start(nonce)
    const isOpen = async () => (await client.report()).report.mmioRanges.map(({isNonTeeMem}) => isNonTeeMem)
    await client.setMmioAttribute(updatable!, true)
    expect(await isOpen()).toEqual([false, false, true, true])
    await client.setMmioAttribute(updatable!, false)
    expect(await isOpen()).toEqual([false, false, true, false])
    expect(await failure(client.setMmioAttribute(fixed!, true))).toMatchObject({kind: 'unsupported'})
    const elsewhere = {firstPage: 1n, pages: 1, rangeId: 2, isMemAttrUpdatable: true}
    expect(await failure(client.setMmioAttribute(elsewhere, true))).toMatchObject({
      details: {tdispError: 'INVALID_REQUEST'},
    })
  })

  it('a vendor message is carried as bytes', async () => {
    const client = tdispOf(
      await keyed({tdisp: {optionalRequests: ALL_OPTIONAL, vendorMessage: data => data.toReversed()}}),
    )
    const answer = await client.vendorMessage({registryId: 0, vendorId: fromHex('de10'), vendorData: fromHex('010203')})
    expect(toHex(answer)).toBe('030201')
  })
})

describe('what is refused before anything is sent', () => {
  it('lock flags the device does not support', async () => {
    const dsm = await keyed()
    const error = await failure(tdispOf(dsm).lock({flags: ['bindP2p', 'lockMsix'], defaultStreamId: STREAM}))
    expect(error).toMatchObject({kind: 'unsupported', got: 'LOCK_INTERFACE_FLAGS_SUPPORTED lacks bindP2p'})
    expect(dsm.stateOf(TDI)).toBe('CONFIG_UNLOCKED')
  })

  it.each([
    ['bindP2pStream', (client: TdispClient) => client.bindP2pStream(1)],
    ['unbindP2pStream', (client: TdispClient) => client.unbindP2pStream(1)],
    ['setMmioAttribute', (client: TdispClient) => client.setMmioAttribute({isMemAttrUpdatable: true}, true)],
    [
      'vendorMessage',
      (client: TdispClient) =>
        client.vendorMessage({registryId: 0, vendorId: new Uint8Array(), vendorData: new Uint8Array()}),
    ],
  ])('%s of a device without it', async (_, call) => {
    expect(await failure(call(tdispOf(await keyed())))).toMatchObject({
      kind: 'unsupported',
      got: expect.stringContaining('REQ_MSGS_SUPPORTED lacks') as string,
    })
  })

  it.each<[string, (client: TdispClient) => Promise<unknown>]>([
    ['a nonce that is too short', client => client.start(new Uint8Array(31))],
    ['a stream ID of nine bits', client => client.lock({defaultStreamId: 256})],
  ])('%s', async (_, call) => {
    expect(await failure(call(tdispOf(await keyed())))).toMatchObject({kind: 'usage'})
  })
})

const ID = '083d0000 0000000000000000'
const answers = (text: string) => () => Promise.resolve(fromHex(text))
const clientOf = (send: (payload: Uint8Array) => Promise<Uint8Array>): TdispClient => new TdispClient({send, tdi: TDI})

describe('TDISP_ERROR', () => {
  it.each<[TdispErrorName, string]>([
    ['INVALID_REQUEST', 'transition'],
    ['BUSY', 'busy'],
    ['INVALID_INTERFACE_STATE', 'transition'],
    ['UNSPECIFIED', 'transition'],
    ['UNSUPPORTED_REQUEST', 'unsupported'],
    ['VERSION_MISMATCH', 'unsupported'],
    ['VENDOR_SPECIFIC_ERROR', 'transition'],
    ['INVALID_INTERFACE', 'not-found'],
    ['INVALID_NONCE', 'transition'],
    ['INSUFFICIENT_ENTROPY', 'busy'],
    ['INVALID_DEVICE_CONFIGURATION', 'transition'],
  ])('%s is a failure of kind %s that names the TDI, the error and the next step', async (name, kind) => {
    const message = TDISP_ERROR.encode({
      tdispVersion: 0x10,
      interfaceId: TDI,
      errorCode: TDISP_ERROR_CODE[name],
    })
    const error = await failure(clientOf(() => Promise.resolve(tdispPayload(message))).stop())
    expect(error.kind).toBe(kind)
    expect(error.message).toContain('TDI 3d:01.0')
    expect(error.message).toContain(name)
    expect(error.hint).toBeTruthy()
  })

  it('a vendor specific error carries its data', async () => {
    const error = await failure(clientOf(answers(`01 107f0000 ${ID} ff000000 03000000 aabbcc`)).stop())
    expect(error.details).toMatchObject({tdispError: 'VENDOR_SPECIFIC_ERROR', extendedErrorData: 'aabbcc'})
  })

  it('an undefined code is an error all the same', async () => {
    const error = await failure(clientOf(answers(`01 107f0000 ${ID} 99000000 00000000`)).stop())
    expect(error).toMatchObject({kind: 'transition', details: {tdispError: null, errorCode: 0x99}})
  })

  it('a version mismatch may come in another version, nothing else may', async () => {
    const mismatch = await failure(clientOf(answers(`01 207f0000 ${ID} 41000000 00000000`)).stop())
    expect(mismatch.details).toMatchObject({tdispError: 'VERSION_MISMATCH'})
    const other = await failure(clientOf(answers(`01 207f0000 ${ID} 01000000 00000000`)).stop())
    expect(other).toMatchObject({kind: 'malformed', details: undefined})
  })
})

/** A device whose n-th portion has this many bytes and claims this remainder. */
const portions = (of: (n: number) => readonly [bytes: number, remainder: number]) => {
  let n = 0
  return clientOf(() => {
    const [bytes, remainderLength] = of(n++)
    const body = {reportBytes: new Uint8Array(bytes), remainderLength}
    return Promise.resolve(
      tdispPayload(DEVICE_INTERFACE_REPORT.encode({tdispVersion: 0x10, interfaceId: TDI, ...body})),
    )
  })
}

describe('a hostile device', () => {
  it.each([
    ['nothing', '', 'malformed', /another protocol/],
    ['another protocol', `00 10070000 ${ID}`, 'malformed', /another protocol/],
    ['half a header', '01 1007 0000', 'malformed', /less than a TDISP header/],
    ['another interface', '01 10070000 0df00000 0000000000000000', 'malformed', /another interface/],
    ['reserved bits in the echo', '01 10070000 083d0000 0000000000000001', 'malformed', /another interface/],
    ['another version', `01 11070000 ${ID}`, 'malformed', /TDISPVersion 0x11/],
    ['another response', `01 10060000 ${ID}`, 'malformed', /START_INTERFACE_RESPONSE instead of STOP/],
    ['a request as response', `01 10870000 ${ID}`, 'malformed', /STOP_INTERFACE_REQUEST instead/],
    ['an undefined response', `01 10550000 ${ID}`, 'transition', /undefined type 0x55.*TDISP_ERROR/],
    ['trailing bytes', `01 10070000 ${ID} 00`, 'malformed', /trailing/],
    ['a truncated error', `01 107f0000 ${ID} 030000`, 'malformed', /no TDISP_ERROR/],
    ['an error with data that has none', `01 107f0000 ${ID} 03000000 00000000 aa`, 'malformed', /extended data/],
    ['a vendor error cut short', `01 107f0000 ${ID} ff000000 ffffff7f aa`, 'malformed', /extended data/],
  ])('%s', async (_, answer, kind, message) => {
    const error = await failure(clientOf(answers(answer)).stop())
    expect(error.kind).toBe(kind)
    expect(error.message).toMatch(message)
  })

  it.each<[string, Uint8Array, string]>([
    ['no version at all', Uint8Array.of(), 'malformed'],
    ['only other versions', Uint8Array.of(0x11, 0x20), 'unsupported'],
  ])('%s', async (_, versionNumEntries, kind) => {
    const message = TDISP_VERSION.encode({tdispVersion: 0x10, interfaceId: TDI, versionNumEntries})
    expect(await failure(clientOf(() => Promise.resolve(tdispPayload(message))).version())).toMatchObject({kind})
  })

  it('capabilities without a mandatory request', async () => {
    const reqMsgsSupported = concat(Uint8Array.of(0x7e), new Uint8Array(15))
    const message = TDISP_CAPABILITIES.encode({tdispVersion: 0x10, interfaceId: TDI, reqMsgsSupported})
    const error = await failure(clientOf(() => Promise.resolve(tdispPayload(message))).capabilities())
    expect(error.message).toContain('STOP_INTERFACE_REQUEST')
  })

  it('an undefined state is no state', async () => {
    expect(Object.values(TDI_STATE)).not.toContain(4)
    expect(await failure(clientOf(answers(`01 10050000 ${ID} 04`)).state())).toMatchObject({kind: 'malformed'})
  })

  it.each<[string, (n: number) => readonly [number, number], RegExp]>([
    ['an empty portion', () => [0, 10], /empty portion/],
    ['an empty report', () => [0, 0], /empty portion/],
    ['more than was asked for', () => [5000, 0], /where 4096 were asked for/],
    ['more than was left', n => (n === 0 ? [64, 10] : [11, 0]), /where 10 were asked for/],
    ['a total that grows', n => [64, 64 + n], /that had 128 before/],
    ['a remainder that never ends', () => [64, 1000], /that had 1064 before/],
    ['a total nobody can read', n => [4096, 0xffff - 4096 * n], /69631 bytes, more than OFFSET/],
    ['crumbs', n => [1, 5000 - n], /1024 portions gave only 1024 of 5001/],
    ['a report that is none', () => [21, 0], /does not decode/],
  ])('%s', async (_, of, message) => {
    const error = await failure(portions(of).report())
    expect(error.kind).toBe('malformed')
    expect(error.message).toMatch(message)
  })
})

it('a TDI is named by its requester ID, and its segment where it has one', () => {
  expect(tdiName({requesterId: 0x3d08})).toBe('TDI 3d:01.0')
  expect(tdiName({requesterId: 0x01ff, requesterSegment: 2})).toBe('TDI 02:01:1f.7')
})

it('the segment is part of the interface ID', async () => {
  const client = new TdispClient({send: sender(device()), tdi: {...TDI, requesterSegment: 0}})
  expect(await failure(client.version())).toMatchObject({kind: 'not-found'})
})
