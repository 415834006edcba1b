/** A requester of family `pci-tsm` that shares nothing with the one under test elsewhere: attributes by hand. */
import type {Kernel} from '../../src/kernel/index.js'

const LABELS = [0, 1, 2, 3, 4, 5, 6, 7].map(slot => `cert${slot}`).concat('vca', 'measurements', 'report')

export const attribute = (type: number, value: Uint8Array): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(4 + value.length, 0)
  head.writeUInt16LE(type, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

export const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}

export const request = (...attributes: readonly Buffer[]) => ({
  family: 'pci-tsm',
  version: 1,
  command: 1,
  attributes: new Uint8Array(Buffer.concat(attributes)),
})

export interface DumpOptions {
  readonly mask?: number
  readonly digests?: boolean
  readonly nonce?: Uint8Array
}

export const evidenceRequest = (bdf: string, {mask = 0x7ff, digests = false, nonce}: DumpOptions = {}) =>
  request(
    attribute(2, u32(mask)),
    attribute(3, u32(digests ? 1 : 0)),
    attribute(4, Buffer.from(`${bdf}\0`)),
    ...(nonce === undefined ? [] : [attribute(5, nonce)]),
  )

/** Objects by label, fragments put together. */
export async function dump(kernel: Kernel, bdf: string, options: DumpOptions = {}): Promise<Record<string, Buffer>> {
  const objects: Record<string, Buffer> = {}
  let label = ''
  for (const message of await kernel.netlinkDump(evidenceRequest(bdf, options))) {
    const bytes = Buffer.from(message)
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt16LE(at)
      const value = bytes.subarray(at + 4, at + length)
      if (bytes.readUInt16LE(at + 2) === 1) {
        label = LABELS[value.readUInt32LE(0)]!
        objects[label] = Buffer.alloc(0)
      } else objects[label] = Buffer.concat([objects[label]!, value])
      at += Math.ceil(length / 4) * 4
    }
  }
  return objects
}
