/**
 * Answers generic netlink, ioctl and kernel events from what was recorded. A request that was recorded several times
 * gets the answers in the order they were recorded, the last one from then on. A fresh nonce cannot have been recorded:
 * where only the nonce differs the recorded answer is given, and whoever checks freshness will see that it answers
 * another nonce.
 */
import {DecodeError, equal} from '../bits/index.js'
import {ErrnoError, printable} from '../errors.js'
import type {Capture, Exchange} from './capture.js'
import {DEVICE_EVIDENCE} from './device-evidence-family.js'
import {refuseIfAborted} from './interrupted.js'
import {decodeAttributes, encodeAttributes} from './netlink.js'
import {PCI_TSM} from './pci-tsm-family.js'
import type {Kernel, NetlinkRequest} from './port.js'

/** Families whose requests have a nonce, and its attribute. */
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

/** The first of `matching` that was not used before, else the last. */
function nextOf<T>(matching: readonly T[], used: Set<unknown>): T | undefined {
  const answer = matching.find(one => !used.has(one)) ?? matching.at(-1)
  if (answer !== undefined) used.add(answer)
  return answer
}

const subjectOf = (family: string): string => `the generic-netlink family ${printable(family)}`

/** Neither a fact about the machine nor an errno of its kernel. */
const notRecorded = (errno: string, verb: string, subject: string, got: string): ErrnoError =>
  new ErrnoError(errno, verb, subject, {
    kind: 'unsupported',
    got,
    hint: 'record the machine again with the command that needs it',
  })

async function* replayed(events: readonly (Uint8Array | 'lost')[], signal: AbortSignal) {
  for (const event of events) {
    if (signal.aborted) return
    yield event === 'lost' ? event : event.slice()
  }
}

export type Replayed = Pick<Kernel, 'netlinkDump' | 'netlinkFamily' | 'netlinkDo' | 'ioctl'> &
  Partial<Pick<Kernel, 'uevents'>>

/** The calls that `capture` can answer; `uevents` only if some were recorded. */
export function replayExchanges({exchanges, families = [], ioctls = [], uevents}: Capture): Replayed {
  const used = new Set<unknown>()

  /** Throws ErrnoError `unsupported` when nobody ever asked about that family. */
  function ofFamily(family: string): readonly Exchange[] {
    const found = exchanges.filter(one => one.family === family)
    const described = families.find(({name}) => name === family)
    if (found.length === 0 && described?.answer === 'ENOENT') throw new ErrnoError('ENOENT', 'ask', subjectOf(family))
    if (found.length === 0 && described === undefined)
      throw notRecorded('ENOENT', 'ask', subjectOf(family), 'this recording holds no exchange with it')
    return found
  }

  const answering =
    (kind: Exchange['kind']) =>
    async ({family, version, command, attributes}: NetlinkRequest, signal?: AbortSignal) => {
      refuseIfAborted(signal, 'ask', subjectOf(family))
      const wanted = withoutNonce(family, attributes)
      const matching = ofFamily(family).filter(
        one =>
          one.kind === kind &&
          one.version === version &&
          one.command === command &&
          equal(withoutNonce(family, one.request), wanted),
      )
      const answer = nextOf(matching, used)
      if (answer === undefined)
        throw notRecorded('EIO', 'ask', subjectOf(family), 'this request is not in the recording')
      if (typeof answer.response === 'string') throw new ErrnoError(answer.response, 'ask', subjectOf(family))
      return answer.response.map(message => message.slice())
    }

  return {
    netlinkDump: answering(undefined),
    netlinkDo: answering('single'),
    async netlinkFamily(name, signal) {
      refuseIfAborted(signal, 'ask', subjectOf(name))
      const answer = families.find(one => one.name === name)?.answer
      if (typeof answer === 'string') throw new ErrnoError(answer, 'ask', subjectOf(name))
      if (answer !== undefined) return {name, ...answer}
      // a recording without it shows the family as far as it was asked: version and commands
      const asked = ofFamily(name)
      if (asked.every(({response}) => response === 'ENOENT')) throw new ErrnoError('ENOENT', 'ask', subjectOf(name))
      const commands = new Set(asked.map(({command}) => command))
      return {name, version: asked[0]!.version, maxAttribute: 0, commands}
    },
    async ioctl(path, request, argument, signal) {
      refuseIfAborted(signal, 'talk to', path)
      const matching = ioctls.filter(
        one => one.path === path && one.request === request && equal(one.argument, argument),
      )
      const answer = nextOf(matching, used)
      if (answer === undefined) throw notRecorded('ENOTTY', 'talk to', path, 'this request is not in the recording')
      if (typeof answer.response === 'string') throw new ErrnoError(answer.response, 'talk to', path)
      return answer.response.slice()
    },
    ...(uevents !== undefined && {uevents: (signal: AbortSignal) => replayed(uevents, signal)}),
  }
}
