/**
 * Answers generic-netlink dumps from recorded exchanges. A request that was recorded several times gets the answers in
 * the order they were recorded, the last one from then on. A fresh nonce cannot have been recorded: where only the nonce
 * differs the recorded answer is given, and whoever checks freshness will see that it answers another nonce.
 */
import {DecodeError, equal} from '../bits/index.js'
import {ErrnoError, printable} from '../errors.js'
import type {Exchange} from './capture.js'
import {refuseIfAborted} from './interrupted.js'
import {decodeAttributes, encodeAttributes} from './netlink.js'
import {DEVICE_EVIDENCE} from './device-evidence-family.js'
import {PCI_TSM} from './pci-tsm-family.js'
import type {Kernel} from './port.js'

const NONCE: ReadonlyMap<string, number> = new Map([
  [PCI_TSM.name, PCI_TSM.attribute.nonce],
  [DEVICE_EVIDENCE.name, DEVICE_EVIDENCE.attribute.nonce],
])

function withoutNonce(family: string, attributes: Uint8Array): Uint8Array {
  const nonce = NONCE.get(family)
  if (nonce === undefined) return attributes
  try {
    return encodeAttributes(decodeAttributes(attributes).filter(({type}) => type !== nonce))
  } catch (error) {
    // a request that cannot be decoded is compared as it is
    if (error instanceof DecodeError) return attributes
    throw error
  }
}

/** Nobody asked the family when this was recorded: whether the kernel has it is not known. */
const unasked = (about: string): ErrnoError =>
  new ErrnoError('ENOENT', 'ask', about, {kind: 'unsupported', got: 'this recording holds no exchange with it'})

/** A family as far as its recorded exchanges show it: the version and the commands it was asked. */
export function replayFamily(exchanges: readonly Exchange[]): Kernel['netlinkFamily'] {
  return async (name, signal) => {
    const about = `the generic-netlink family ${printable(name)}`
    refuseIfAborted(signal, 'ask', about)
    const ofFamily = exchanges.filter(({family}) => family === name)
    const [first] = ofFamily
    if (first === undefined) throw unasked(about)
    if (ofFamily.every(({response}) => response === 'ENOENT')) throw new ErrnoError('ENOENT', 'ask', about)
    const commands = new Set(ofFamily.map(({command}) => command))
    return {name, version: first.version, maxAttribute: 0, commands}
  }
}

export function replayExchanges(exchanges: readonly Exchange[]): Kernel['netlinkDump'] {
  const used = new Set<Exchange>()
  return async ({family, version, command, attributes}, signal) => {
    const about = `the generic-netlink family ${printable(family)}`
    refuseIfAborted(signal, 'ask', about)
    const ofFamily = exchanges.filter(one => one.family === family)
    if (ofFamily.length === 0) throw unasked(about)
    const wanted = withoutNonce(family, attributes)
    const matching = ofFamily.filter(
      one => one.version === version && one.command === command && equal(withoutNonce(family, one.request), wanted),
    )
    const answer = matching.find(one => !used.has(one)) ?? matching.at(-1)
    if (answer === undefined)
      throw new ErrnoError('EIO', 'ask', about, {
        kind: 'unsupported',
        got: 'this request is not in the recording',
        hint: 'record the machine again with the command that needs it',
      })
    used.add(answer)
    if (typeof answer.response === 'string') throw new ErrnoError(answer.response, 'ask', about)
    return answer.response.map(message => message.slice())
  }
}
