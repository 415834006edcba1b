/**
 * Opaque data in the measurements of NVIDIA GPUs and switches: fields of type, length and value, one after the other. The
 * numbers are those of NVIDIA's own verifiers (nvtrust, attestation-sdk); there is no published specification.
 */
import {bytes, DecodeError, layout, NEXT, toHex, u16} from '../bits/index.js'
import type {OpaqueFacts} from './opaque.js'

const SPEC = 'NVIDIA attestation SDK, OpaqueData'

export const NVIDIA_OPAQUE_FIELD = layout(
  {id: 'nvidia-opaque-field', name: 'NVIDIA opaque field', spec: SPEC},
  {type: u16(0, 'kind of field'), size: u16(2, 'bytes of the value'), value: bytes(NEXT, 'size', 'the value')},
)

type Read = (value: Uint8Array) => string | undefined

/** Text up to the first zero byte. */
const text: Read = value => {
  const end = value.indexOf(0)
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString('latin1')
}

const hex: Read = value => toHex(value)
const number: Read = value =>
  value.length === 0 || value.length > 4 ? undefined : String(Buffer.from(value).readUIntLE(0, value.length))

const SWITCHES: Readonly<Record<number, string>> = {0x55: 'disabled', 0xaa: 'enabled'}
/** Values that are far apart, so that no single bit turns one into the other. */
const onOff: Read = value => (value.length === 1 ? SWITCHES[value[0]!] : undefined)

const PACKED_VERSION_SIZE = 8
/** GPUs pack `96.00.5E.00.01` into bytes, four in reverse order and one behind them; switches write it as text. */
const firmwareVersion: Read = value => {
  if (value.length !== PACKED_VERSION_SIZE) return text(value)
  const order = [3, 2, 1, 0, 4].map(at => value[at]!)
  return order.map(part => part.toString(16).toUpperCase().padStart(2, '0')).join('.')
}

/** Fields by number: name of the fact, and how it is read. */
export const NVIDIA_FIELDS: Readonly<Record<number, readonly [name: string, read: Read]>> = {
  1: ['cert-issuer-name', hex],
  2: ['cert-authority-key-identifier', hex],
  3: ['driver-version', text],
  4: ['gpu-info', hex],
  5: ['sku', hex],
  6: ['vbios-version', firmwareVersion],
  7: ['manufacturer-id', hex],
  8: ['tamper-detection', hex],
  9: ['smc', hex],
  10: ['vpr', hex],
  11: ['nvdec0', onOff],
  12: ['measurement-counts', hex],
  13: ['cpr-info', hex],
  14: ['board-id', number],
  15: ['chip-sku', text],
  16: ['chip-sku-mod', text],
  17: ['project', text],
  18: ['project-sku', text],
  19: ['project-sku-mod', text],
  20: ['fwid', hex],
  21: ['protected-pcie', onOff],
  22: ['switch-pdi', hex],
  23: ['floorswept-ports', hex],
  24: ['position-id', number],
  25: ['lock-switch-status', number],
  32: ['gpu-link-connections', hex],
  33: ['system-enable-status', hex],
  34: ['opaque-data-version', number],
  35: ['chip-info', hex],
  36: ['feature-flag', number],
}

/** Facts `opaque.<name>`. Throws DecodeError. A field of a kind nobody knows gives no fact. */
export function nvidiaOpaque(data: Uint8Array): OpaqueFacts {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const facts = new Map<string, string>()
  const seen = new Set<number>()
  const unknown: string[] = []
  for (let at = 0; at < data.length;) {
    const {value: field, end} = NVIDIA_OPAQUE_FIELD.read(view, at, data.length)
    const {type, value} = field
    if (seen.has(type))
      throw new DecodeError({
        structure: NVIDIA_OPAQUE_FIELD.name,
        path: 'type',
        offset: at,
        expected: 'every field once',
        got: `field ${type} twice`,
      })
    seen.add(type)
    const [name, read] = NVIDIA_FIELDS[type] ?? []
    const content = read?.(value)
    if (content === undefined) unknown.push(name ?? `field ${type}`)
    else facts.set(`opaque.${name}`, content)
    at = end
  }
  return {vendor: 'NVIDIA', facts, unknown}
}
