/** What answers IDE_KM and TDISP in a lab device: one port with one stream, and one interface that can be locked over it. */
import {createDsm, type SimulatedDsm, streamPort, type TdiSpec} from './dsm/index.js'

/** Function 01:00.0. */
const LAB_INTERFACE: TdiSpec = {
  address: {requesterId: 0x100},
  report: {noFwUpdate: true, dmaWithoutPasid: true, deviceSpecificInfo: new Uint8Array(0)},
  ranges: [{firstPage: 0x8_0000n, pages: 16, rangeId: 0}],
}

export const createLabDsm = (random: (length: number) => Uint8Array): SimulatedDsm =>
  createDsm({
    ports: [streamPort(LAB_INTERFACE.address.requesterId)],
    tdisp: {
      tdis: [LAB_INTERFACE],
      lockFlags: ['noFwUpdate', 'lockMsix'],
      devAddrWidth: 52,
      numReqThis: 1,
      numReqAll: 1,
      random,
    },
  })
