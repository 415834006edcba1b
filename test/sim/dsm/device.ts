/** A simulated device with tables of its own, and the two clients in front of it. */
import {fromHex} from '../../../src/bits/index.js'
import {KmClient, kmStreamEnd, programStream} from '../../../src/ide/index.js'
import {createDsm, type DsmSpec, type SimulatedDsm} from '../../../src/sim/dsm/index.js'
import type {TdispSpec} from '../../../src/sim/dsm/tdisp.js'
import {TdispClient} from '../../../src/tdisp/index.js'
import {TsmctlError} from '../../../src/errors.js'

export const SESSION = 0xffff_ffff
export const OTHER_SESSION = 0xfffe_fffe
export const TDI = {requesterId: 0x3d08}
export const STREAM = 7
/** Physical to reported. */
export const OFFSET = 0x1000_0000_0000n

/** One selective stream, 7, with one address association. */
export const REGISTERS = fromHex(
  '42000000 00000000  01000000 00000007 00000000 00083d00 01083d00  00000000 00000000 00000000',
)
export const PORT = {bus: 0x3d, deviceFunction: 0x08, registers: REGISTERS}

export const RANGES = [
  {firstPage: 0x2_000e_0000n, pages: 8, rangeId: 0},
  {firstPage: 0x2_000e_0008n, pages: 2, rangeId: 0, msixTable: true},
  {firstPage: 0x2_000e_000an, pages: 1, rangeId: 0, msixPba: true, isNonTeeMem: true},
  {firstPage: 0x2_0010_0000n, pages: 65_536, rangeId: 2, isMemAttrUpdatable: true},
]

/** Bytes that never repeat, so that a nonce that is used twice is seen. */
export function counting(): (length: number) => Uint8Array {
  let n = 0
  return length => {
    n++
    const bytes = new Uint8Array(length).fill(0xa5)
    new DataView(bytes.buffer).setUint32(0, n, true)
    return bytes
  }
}

export interface DeviceOptions {
  readonly tdisp?: Partial<TdispSpec>
  readonly ports?: DsmSpec['ports']
  readonly isConfigurationValid?: () => boolean
}

export const device = (options: DeviceOptions = {}): SimulatedDsm => createDsm(specOf(options))

export const specOf = ({tdisp = {}, ports = [PORT], isConfigurationValid}: DeviceOptions = {}): DsmSpec => ({
  ports,
  tdisp: {
    tdis: [
      {
        address: TDI,
        report: {
          noFwUpdate: true,
          dmaWithoutPasid: true,
          atsSupported: true,
          msixTableSize: 7,
          msixFunctionMask: true,
          tphControl: 1,
          deviceSpecificInfo: new TextEncoder().encode('shared-sample'),
        },
        ranges: RANGES,
        ...(isConfigurationValid !== undefined && {isConfigurationValid}),
      },
    ],
    lockFlags: ['noFwUpdate', 'lockMsix', 'allRequestRedirect'],
    devAddrWidth: 52,
    numReqThis: 1,
    numReqAll: 3,
    random: counting(),
    ...tdisp,
  },
})

/** The way to the device; silence is the sender's timeout. */
export const sender =
  (dsm: SimulatedDsm, session = SESSION) =>
  (payload: Uint8Array): Promise<Uint8Array> => {
    const answer = dsm.vendor(payload.slice(), session)
    return answer === undefined
      ? Promise.reject(new TsmctlError({kind: 'timeout', attempted: 'wait for an answer'}))
      : Promise.resolve(answer)
  }

export const tdispOf = (dsm: SimulatedDsm, session = SESSION): TdispClient =>
  new TdispClient({send: sender(dsm, session), tdi: TDI})
export const kmOf = (dsm: SimulatedDsm, session = SESSION): KmClient => new KmClient({send: sender(dsm, session)})

export const endOf = (dsm: SimulatedDsm, keySet: 0 | 1 = 0, streamId = STREAM, session = SESSION) =>
  kmStreamEnd(kmOf(dsm, session), {portIndex: 0, streamId, keySet})

/** The device with its default stream keyed and running over SESSION. */
export async function keyed(options: DeviceOptions = {}): Promise<SimulatedDsm> {
  const dsm = device(options)
  await programStream(counting(), endOf(dsm))
  return dsm
}

/** Settles into the error; anything else fails the test that looks at it. */
export const failure = async (promise: Promise<unknown>): Promise<TsmctlError> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
  throw new RangeError('was not refused')
}
