/** What answers IDE_KM and TDISP in a lab device: one port with one stream, and one interface that can be locked over it. */
import {encodeIde} from '../ide/index.js'
import {createDsm, type SimulatedDsm, type TdiSpec} from './dsm/index.js'

const FUNCTIONS_PER_BUS = 256

/** Function 01:00.0. */
const LAB_INTERFACE: TdiSpec = {
  address: {requesterId: 0x100},
  report: {noFwUpdate: true, dmaWithoutPasid: true, deviceSpecificInfo: new Uint8Array(0)},
  ranges: [{firstPage: 0x8_0000n, pages: 16, rangeId: 0}],
}

const STREAM = 1
/** Extended capability header, which IDE_KM leaves out. */
const HEADER = 4

const REGISTERS = encodeIde({
  capability: {ideKm: true, version: 1},
  selective: [{streamId: STREAM, associations: []}],
}).subarray(HEADER)

/** A DSM with `tdi` as its only interface. */
export function createLabDsm(random: (length: number) => Uint8Array, tdi: TdiSpec = LAB_INTERFACE): SimulatedDsm {
  const {requesterId} = tdi.address
  return createDsm({
    ports: [
      {
        bus: Math.floor(requesterId / FUNCTIONS_PER_BUS),
        deviceFunction: requesterId % FUNCTIONS_PER_BUS,
        registers: REGISTERS,
      },
    ],
    tdisp: {
      tdis: [tdi],
      lockFlags: ['noFwUpdate', 'lockMsix'],
      devAddrWidth: 52,
      numReqThis: 1,
      numReqAll: 1,
      random,
    },
  })
}
