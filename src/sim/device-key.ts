/** Key pairs of simulated devices, of any signature algorithm of SPDM that the platform can generate. */
import {generateKeyPair} from 'node:crypto'
import {promisify} from 'node:util'
import {TsmctlError} from '../errors.js'
import {asymNamed} from '../spdm/index.js'

export interface DeviceKey {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array
  /** PKCS #8 in DER. */
  readonly privateKey: Uint8Array
}

const generate = promisify(generateKeyPair)

/** A new key pair for the algorithm called `name`. Throws TsmctlError `unsupported`. */
export async function newDeviceKey(name: string): Promise<DeviceKey> {
  const algorithm = asymNamed(name)
  const {publicKey, privateKey} = await pairOf(name, algorithm)
  return {
    publicKey: new Uint8Array(publicKey.export({type: 'spki', format: 'der'})),
    privateKey: new Uint8Array(privateKey.export({type: 'pkcs8', format: 'der'})),
  }
}

function pairOf(name: string, algorithm: ReturnType<typeof asymNamed>) {
  switch (algorithm?.kind) {
    case 'ecdsa':
      return generate('ec', {namedCurve: algorithm.curve!})
    case 'rsassa':
    case 'rsapss':
      return generate('rsa', {modulusLength: algorithm.modulusBits!})
    case 'eddsa':
      return algorithm.name === 'ed25519' ? generate('ed25519') : generate('ed448')
    default:
      throw new TsmctlError({kind: 'unsupported', attempted: `make a device key for ${name}`, got: 'not available'})
  }
}
