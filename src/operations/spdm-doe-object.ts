/** SPDM messages and records as DOE objects (PCIe r6.2 §6.31.3). */
import {DecodeError, hex} from '../bits/index.js'
import type {TsmctlError} from '../errors.js'
import {CMA_SPDM, decodeDoeObject, encodeDoeObject, SECURED_CMA_SPDM} from '../pci/index.js'
import type {Datagram} from '../spdm/index.js'

/** The DOE object that carries `datagram`. */
export const wrap = ({secured, payload}: Datagram): Uint8Array =>
  encodeDoeObject({...(secured ? SECURED_CMA_SPDM : CMA_SPDM), payload})

/** What a DOE object carries. Throws what `refuse` makes of anything but a message or record of SPDM. */
export function unwrap(object: Uint8Array, refuse: (got: string) => TsmctlError): Datagram {
  try {
    const {vendor, type, payload} = decodeDoeObject(object)
    const secured = type === SECURED_CMA_SPDM.type
    if (vendor !== CMA_SPDM.vendor || (!secured && type !== CMA_SPDM.type))
      throw refuse(`a DOE object of vendor ${hex(vendor, 4)} and type ${hex(type, 2)}, which is not SPDM`)
    return {secured, payload}
  } catch (error) {
    throw error instanceof DecodeError ? refuse(error.message) : error
  }
}
