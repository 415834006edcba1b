/** OpaqueData: how much is legal, and the version of secured messages selected in it (DSP0277 1.2 §9). */
import {DecodeError} from '../../bits/index.js'
import {MAX_OPAQUE_SIZE} from '../messages/index.js'
import {selectedVersion} from '../negotiation/index.js'
import type {Link} from './link.js'

/** Throws RequesterError `opaque-data` for more than may be, or any where no format was agreed. */
export function checkOpaque(link: Link, attempted: string, opaqueData: Uint8Array): void {
  const refuse = (got: string): never => {
    throw link.failure(attempted, 'opaque-data', got)
  }
  if (opaqueData.length > MAX_OPAQUE_SIZE)
    refuse(`${opaqueData.length} bytes of opaque data, ${MAX_OPAQUE_SIZE} are legal`)
  const {version, opaqueFormat1} = link.agreed
  if (version >= 0x12 && !opaqueFormat1 && opaqueData.length > 0) refuse('opaque data although no format was agreed')
}

/** The version of secured messages that the responder selected, one of ours. Throws RequesterError `opaque-data`. */
export function agreedSecuredVersion(link: Link, attempted: string, opaqueData: Uint8Array): number {
  checkOpaque(link, attempted, opaqueData)
  try {
    return selectedVersion(opaqueData, link.version)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw link.failure(attempted, 'opaque-data', error.message, {cause: error})
  }
}
