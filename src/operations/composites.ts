/** Decode kinds that are more than one structure: walks and lists put together from several layouts. */
import type {Context, Finding, Json} from '../bits/index.js'
import {decodeConfigSpace} from '../pci/index.js'
import {registersText, viewConfigSpace} from './config-space-view.js'

export interface Composite {
  readonly kind: string
  readonly name: string
  readonly spec: string
  readonly context: Context
  /** Throws DecodeError when the bytes are not this structure at all. */
  decode(
    bytes: Uint8Array,
    context: Context,
  ): {readonly fields: Json; readonly found: readonly Finding[]; readonly text: string}
}

export const COMPOSITES: readonly Composite[] = [
  {
    kind: 'config-space',
    name: 'PCI configuration space',
    spec: 'PCIe r6.2 §7.2.2',
    context: {},
    decode(bytes) {
      const space = decodeConfigSpace(bytes)
      const view = viewConfigSpace(space, bytes)
      return {...view, text: view.text + registersText(space)}
    },
  },
]
