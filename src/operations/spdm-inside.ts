/** What SPDM messages carry of others: PCI-SIG protocols, measurements, opaque data. SPDM itself knows none of the first. */
import {type AnyLayout, describe, equal, type Json, type Seen} from '../bits/index.js'
import {harmless, TsmctlError} from '../errors.js'
import {decodeKmObject, IDE_KM_PROTOCOL} from '../ide/index.js'
import {
  DEVICE_CLASS_IDENTIFIER,
  DMTF_MEASUREMENT,
  DMTF_MEL,
  EXTENDED_ERROR_DATA,
  OPAQUE_TABLE,
  OPAQUE_TABLE_1_1,
  PCI_PROTOCOL,
  PCI_SIG_VENDOR,
  type SpdmMessageName,
  STANDARD_ID,
} from '../spdm/index.js'
import {decodeTdispPayload, TDISP_PROTOCOL} from '../tdisp/index.js'

/** A structure inside a message, or why it could not be read. */
export interface Inside {
  /** What it is and where: `TDISP`, `measurement 3`. */
  readonly what: string
  readonly layout: AnyLayout | undefined
  readonly value: Seen | undefined
  readonly problem: string | undefined
}

const DMTF_SPECIFICATION = 1

function tried(what: string, read: () => {readonly layout: AnyLayout; readonly value: Seen}): Inside {
  try {
    const {layout, value} = read()
    return {what, layout, value, problem: undefined}
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    return {what, layout: undefined, value: undefined, problem: error.message}
  }
}

const as = (layout: AnyLayout, bytes: Uint8Array) => ({layout, value: layout.decode(bytes)})
const nothing = (what: string, problem: string): Inside => ({what, layout: undefined, value: undefined, problem})

function pciProtocol(payload: Uint8Array): Inside {
  if (payload.length === 0) return nothing('PCI-SIG protocol', 'the payload is empty')
  const {protocolId} = PCI_PROTOCOL.decode(payload)
  if (protocolId === TDISP_PROTOCOL) return tried('TDISP', () => decodeTdispPayload(payload))
  if (protocolId === IDE_KM_PROTOCOL) return tried('IDE_KM', () => decodeKmObject(payload))
  return nothing('PCI-SIG protocol', `protocol ${protocolId} is not known here`)
}

function measurements(value: Seen): Inside[] {
  const blocks = value.measurementRecord as readonly Seen[]
  return blocks
    .filter(block => block.measurementSpecification === DMTF_SPECIFICATION)
    .map(block => tried(`measurement ${block.index as number}`, () => as(DMTF_MEASUREMENT, block.measurement)))
}

function opaque({opaqueData, spdmVersion}: Seen): Inside[] {
  const data = (opaqueData ?? new Uint8Array()) as Uint8Array
  if (data.length === 0) return []
  const layout = (spdmVersion as number) >= 0x12 ? OPAQUE_TABLE : OPAQUE_TABLE_1_1
  const found = tried('opaque data', () => as(layout, data))
  // only key exchanges promise a general table; elsewhere the bytes may be anybody's
  return found.problem === undefined ? [found] : []
}

/** Extended data whose form the error code prescribes. */
function errorData({errorCode, extendedErrorData}: Seen): Inside[] {
  const data = (extendedErrorData ?? new Uint8Array()) as Uint8Array
  const layout = EXTENDED_ERROR_DATA[errorCode as number]
  return layout === undefined || data.length === 0 ? [] : [tried('extended error data', () => as(layout, data))]
}

/** Every structure inside message `name`, in wire order. */
export function insideOf(name: SpdmMessageName, value: Seen): Inside[] {
  switch (name) {
    case 'VENDOR_DEFINED_REQUEST':
    case 'VENDOR_DEFINED_RESPONSE':
      return value.standardId === STANDARD_ID['PCI-SIG'] && equal(value.vendorId as Uint8Array, PCI_SIG_VENDOR)
        ? [pciProtocol(value.payload as Uint8Array)]
        : []
    case 'MEASUREMENTS':
      return [...measurements(value), ...opaque(value)]
    case 'MEASUREMENT_EXTENSION_LOG':
      return value.remainderLength === 0 && (value.portion as Uint8Array).length > 0
        ? [tried('measurement extension log', () => as(DMTF_MEL, value.portion as Uint8Array))].filter(
            ({problem}) => problem === undefined,
          )
        : []
    case 'ERROR':
      return errorData(value)
    case 'ENDPOINT_INFO':
      return [tried('device class', () => as(DEVICE_CLASS_IDENTIFIER, value.endpointInfo as Uint8Array))]
    default:
      return value.opaqueData === undefined ? [] : opaque(value)
  }
}

/** A decoded structure for scripts; null when there is none. */
export const structureJson = (value: Seen | undefined): Json => (value === undefined ? null : (value.toJSON() as Json))

/** For scripts. */
export const insideJson = ({what, layout, value, problem}: Inside) => ({
  what,
  name: layout?.name ?? null,
  fields: structureJson(value),
  problem: problem === undefined ? null : harmless(problem),
})

/** A structure inside a message with every field, or why there is none. */
export const insideDescription = ({what, layout, value, problem}: Inside): string =>
  layout === undefined || value === undefined
    ? `${what}: not read: ${harmless(problem ?? '')}\n`
    : `${what}: ${describe(layout, value)}`
