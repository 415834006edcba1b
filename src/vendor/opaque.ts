/** Opaque data of device vendors: facts that a rule's conditions may ask about, once the signature over them holds. */
import {nvidiaOpaque} from './nvidia-opaque.js'

export interface OpaqueFacts {
  readonly vendor: string
  /** `opaque.nvdec0` is `enabled`. Text is the device's: escape it where it is shown. */
  readonly facts: ReadonlyMap<string, string>
  /** Fields that gave no fact. */
  readonly unknown: readonly string[]
}

/** Readers by the manufacturer in the device's certificate (DSP0274 1.3 §10.7.1). They throw DecodeError. */
const READERS: Readonly<Record<string, (data: Uint8Array) => OpaqueFacts>> = {NVIDIA: nvidiaOpaque}

/** The reader of a manufacturer's opaque data. */
export const opaqueReaderOf = (manufacturer: string | undefined): ((data: Uint8Array) => OpaqueFacts) | undefined =>
  manufacturer !== undefined && Object.hasOwn(READERS, manufacturer) ? READERS[manufacturer] : undefined
