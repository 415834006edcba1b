/** VENDOR_DEFINED_REQUEST for the protocols of PCI-SIG (DSP0274 1.3 §10.24; PCIe r6.2 §6.31.3). */
import {equal} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {PCI_SIG_VENDOR, STANDARD_ID, VENDOR_DEFINED_REQUEST, VENDOR_DEFINED_RESPONSE} from '../messages/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'

/** Registry and vendor whose protocol a payload is of. */
export interface Vendor {
  readonly standardId: number
  readonly vendorId: Uint8Array
}

export const PCI_SIG: Vendor = {standardId: STANDARD_ID['PCI-SIG'], vendorId: PCI_SIG_VENDOR}

const WHAT = 'exchange a vendor-defined message'
/** Largest payload whose length has 16 bits. */
const MAX_PAYLOAD = 0xffff

/** Sends `payload` to a vendor's protocol and returns what it answers. Throws RequesterError. */
export async function vendorDefined(
  link: Link,
  budget: Budget,
  payload: Uint8Array,
  {vendor = PCI_SIG, session}: {readonly vendor?: Vendor; readonly session?: SecureSession | undefined} = {},
): Promise<Uint8Array> {
  const {version} = link.agreed
  const {standardId, vendorId} = vendor
  const large = payload.length > MAX_PAYLOAD
  if (large && version < 0x14)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: WHAT,
      subject: link.peer,
      got: `${payload.length} bytes; before SPDM 1.4 a payload has at most ${MAX_PAYLOAD}`,
    })
  const message = VENDOR_DEFINED_REQUEST.encode({spdmVersion: version, large, standardId, vendorId, payload}, {version})
  const {value} = await exchange(link, budget, {
    request: 'VENDOR_DEFINED_REQUEST',
    message,
    response: VENDOR_DEFINED_RESPONSE,
    attempted: WHAT,
    session,
  })
  if (value.standardId !== standardId || !equal(value.vendorId, vendorId))
    throw link.failure(WHAT, 'echo', 'the response is of another vendor')
  if (value.large && version < 0x14)
    throw link.failure(WHAT, 'malformed', 'a form of response that SPDM 1.4 introduced')
  return value.payload
}
