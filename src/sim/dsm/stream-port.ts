/** The port of a device of which nothing but its one stream matters. */
import {encodeIde} from '../../ide/index.js'
import type {KmPortSpec} from './ide-km.js'

/** Stream ID of that stream. */
export const DEFAULT_STREAM = 1

/** Extended capability header, which IDE_KM leaves out. */
const HEADER = 4
const FUNCTIONS_OF_BUS = 256

const REGISTERS = encodeIde({
  capability: {ideKm: true, version: 1},
  selective: [{streamId: DEFAULT_STREAM, associations: []}],
}).subarray(HEADER)

/** Of the function `requesterId`. */
export const streamPort = (requesterId: number): KmPortSpec => ({
  bus: Math.floor(requesterId / FUNCTIONS_OF_BUS),
  deviceFunction: requesterId % FUNCTIONS_OF_BUS,
  registers: REGISTERS,
})
