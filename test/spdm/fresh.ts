/** The crypto folder as it is before anything of it was loaded, whichever tests ran before. */
import {vi} from 'vitest'

// by a name that TypeScript does not look for
const FRESH = '../../src/spdm/crypto/index.ts?fresh'

export function freshCrypto(): Promise<typeof import('../../src/spdm/crypto/index.js')> {
  vi.resetModules()
  return import(FRESH)
}
