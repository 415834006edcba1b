/** IDE registers as `tsmtest_hw` has them, read from where it put them: tsmctl's own decoder has no say in it. */
import {closeSync, openSync, readSync} from 'node:fs'
import {deviceOf, setParameter} from './machine.js'

const IDE = 0x400
const HEADER = 12
/** Address association blocks of each Selective block. */
const ADDRESSES = 2
const BLOCK = 20 + 12 * ADDRESSES

/** A Selective IDE Stream Register Block (PCIe r7.0 §7.9.26.5). */
export interface Block {
  readonly enabled: boolean
  readonly streamId: number
  readonly secure: boolean
  readonly failReceived: boolean
  /** First and last Requester ID; null when not valid. */
  readonly rids: readonly [number, number] | null
  /** First and last MiB of each valid address association. */
  readonly megabytes: readonly (readonly [number, number])[]
}

const at = (index: number): number => IDE + HEADER + index * BLOCK

/** Offset of the control register of a block. */
export const controlOf = (index: number): number => at(index) + 4

/** Offset of the status register of a block. */
export const statusOf = (index: number): number => at(index) + 8

function bytesAt(bdf: string, offset: number, length: number): Buffer {
  const fd = openSync(`${deviceOf(bdf)}/config`, 'r')
  try {
    const bytes = Buffer.alloc(length)
    readSync(fd, bytes, 0, length, offset)
    return bytes
  } finally {
    closeSync(fd)
  }
}

export function blockOf(bdf: string, index = 0): Block {
  const bytes = bytesAt(bdf, at(index), BLOCK)
  const word = (n: number): number => bytes.readUInt32LE(4 * n)
  const [control, status, limit, base] = [word(1), word(2), word(3), word(4)]
  const megabytes = [5, 8].flatMap(n => {
    const low = word(n)
    const range = [(low >>> 8) & 0xfff, low >>> 20] as const
    return low & 1 ? [[range[0] + word(n + 2) * 0x1000, range[1] + word(n + 1) * 0x1000] as const] : []
  })
  return {
    enabled: (control & 1) === 1,
    streamId: control >>> 24,
    secure: (status & 0xf) === 2,
    failReceived: status >>> 31 === 1,
    rids: base & 1 ? [(base >>> 8) & 0xffff, (limit >>> 8) & 0xffff] : null,
    megabytes,
  }
}

/** Forces a register of a modelled function, as an attacker on the link or a broken device would change it. */
export const poke = (bdf: string, offset: number, value: number): void =>
  setParameter('tsmtest_hw', 'poke', `${bdf} ${offset.toString(16)} ${value.toString(16)}`)
