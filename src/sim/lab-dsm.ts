/** What answers IDE_KM and TDISP in a lab device: one port with one stream, and one interface that can be locked over it. */
import {encodeIde} from '../ide/index.js'
import {createDsm, type SimulatedDsm} from './dsm/index.js'

/** Function 01:00.0. */
const BUS = 1
const FUNCTION = 0
const REQUESTER_ID = 0x100

const STREAM = 1
/** Extended capability header, which IDE_KM leaves out. */
const HEADER = 4

const REGISTERS = encodeIde({
  capability: {ideKm: true, version: 1},
  selective: [{streamId: STREAM, associations: []}],
}).subarray(HEADER)

export const createLabDsm = (random: (length: number) => Uint8Array): SimulatedDsm =>
  createDsm({
    ports: [{bus: BUS, deviceFunction: FUNCTION, registers: REGISTERS}],
    tdisp: {
      tdis: [
        {
          address: {requesterId: REQUESTER_ID},
          report: {noFwUpdate: true, dmaWithoutPasid: true, deviceSpecificInfo: new Uint8Array(0)},
          ranges: [{firstPage: 0x8_0000n, pages: 16, rangeId: 0}],
        },
      ],
      lockFlags: ['noFwUpdate', 'lockMsix'],
      devAddrWidth: 52,
      numReqThis: 1,
      numReqAll: 1,
      random,
    },
  })
