/** What a link TSM, which trusts no root, demands of a certificate chain: that it holds together. */
import {toHex} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {chainProblems, type ChainOfSlot, type Connection, loadCertificateReader} from '../../spdm/index.js'
import {sha384} from '../digest.js'

/** Chains found sound, by digest: the same one is not verified at every connect. */
const sound = new Set<string>()

/** Throws TsmctlError `malformed`. */
export async function checkChain(chain: ChainOfSlot, connection: Connection): Promise<void> {
  const name = toHex(sha384(chain.bytes))
  if (sound.has(name)) return
  const {certificateFacts} = await loadCertificateReader()
  const certificates = chain.certificates.map(({der}) => certificateFacts(der))
  const [problem] = chainProblems({chain, certificates, connection})
  if (problem !== undefined)
    throw new TsmctlError({kind: 'malformed', attempted: 'connect a simulated device', got: problem.message})
  sound.add(name)
}
