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

export const P2_FAMILY = 'device-evidence'

/** A request of family `device-evidence`: `read`, or `validate` with its number. */
export const deviceEvidence = (bdf: string, command: number, ...more: readonly Buffer[]) => ({
  family: P2_FAMILY,
  version: 1,
  command,
  attributes: new Uint8Array(
    Buffer.concat([attribute(4, Buffer.from('pci\0')), attribute(5, Buffer.from(`${bdf}\0`)), ...more]),
  ),
})

export const readRequest = (bdf: string, {mask = 0x7ff, digests = false, nonce}: DumpOptions = {}) =>
  deviceEvidence(
    bdf,
    1,
    attribute(2, u32(mask)),
    attribute(3, u32(digests ? 1 : 0)),
    ...(nonce === undefined ? [] : [attribute(6, nonce)]),
  )

export const validate = (kernel: Kernel, bdf: string, generation: number) =>
  kernel.netlinkDo(deviceEvidence(bdf, 2, attribute(7, u32(generation))))

export interface Announced {
  readonly label: string
  readonly generation: number
  readonly length: number
  readonly bytes: Buffer
  /** Attribute types in the first message. */
  readonly head: readonly number[]
}

/** Objects of family `device-evidence` in the order they came, with what was announced of each. */
export async function announcedDump(kernel: Kernel, bdf: string, options: DumpOptions = {}): Promise<Announced[]> {
  const objects: Announced[] = []
  for (const message of await kernel.netlinkDump(readRequest(bdf, options))) {
    const found = new Map<number, Buffer>()
    const bytes = Buffer.from(message)
    for (let at = 0; at < bytes.length;) {
      const length = bytes.readUInt16LE(at)
      found.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 4, at + length))
      at += Math.ceil(length / 4) * 4
    }
    const value = found.get(10)!
    const word = (type: number): number => found.get(type)!.readUInt32LE(0)
    if (found.has(1)) {
      const label = LABELS[word(1)] ?? `type ${word(1)}`
      objects.push({label, generation: word(7), length: word(9), bytes: value, head: [...found.keys()]})
    } else {
      const last = objects.pop()!
      objects.push({...last, bytes: Buffer.concat([last.bytes, value])})
    }
  }
  return objects
}

export const generationOf = async (kernel: Kernel, bdf: string): Promise<number> =>
  (await announcedDump(kernel, bdf, {mask: 1, digests: true}))[0]!.generation
