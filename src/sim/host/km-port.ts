/** The port of a function as IDE_KM shows it. */
import {bdfParts, ridOf} from '../../pci/index.js'
import type {KmPortSpec} from '../dsm/ide-km.js'
import {ideBytes} from './config.js'
import type {Host} from './facts.js'

/** Extended capability header, which IDE_KM leaves out. */
const HEADER = 4
/** Functions of a bus. */
const FUNCTIONS = 256
/** QUERY_RESP has eight bits for them. */
const SEGMENTS = 256

/** Undefined for a function without IDE. The registers are as they are now. */
export function kmPortOf({functions, now}: Host, bdf: string): KmPortSpec | undefined {
  const hardware = functions.get(bdf)!.host.ide
  const registers = now.ide[bdf]
  if (hardware === null || registers === undefined) return undefined
  const rid = ridOf(bdf)
  return {
    segment: bdfParts(bdf).domain % SEGMENTS,
    bus: Math.floor(rid / FUNCTIONS),
    deviceFunction: rid % FUNCTIONS,
    registers: ideBytes(hardware, registers).subarray(HEADER),
  }
}
