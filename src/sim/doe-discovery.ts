/** The device's side of DOE Discovery, PCIe r6.2 §6.30.1.1. */
import {DOE_DISCOVERY_REQUEST, DOE_DISCOVERY_RESPONSE, type DoeFeature} from '../pci/index.js'

const NO_ENTRY = {vendorId: 0xffff, type: 0xff, nextIndex: 0}

/** Payload of the entry a request asks for; undefined for a request that is none, or of another version. */
export function discoveryEntry(
  features: readonly DoeFeature[],
  capabilityVersion: number,
  request: Uint8Array,
  isCircular: boolean,
): Uint8Array | undefined {
  const {headSize} = DOE_DISCOVERY_REQUEST
  if (request.length < headSize) return undefined
  const {index, version} = DOE_DISCOVERY_REQUEST.decode(request.subarray(0, headSize))
  if (version !== (capabilityVersion >= 2 ? 2 : 0)) return undefined
  const found = features[index]
  if (found === undefined) return DOE_DISCOVERY_RESPONSE.encode(NO_ENTRY)
  const next = isCircular ? 1 : index + 1
  return DOE_DISCOVERY_RESPONSE.encode({
    vendorId: found.vendor,
    type: found.type,
    nextIndex: next < features.length ? next : 0,
  })
}
