/**
 * Generic netlink on the running machine. Every call has a socket of its own in a helper process: a dump of evidence may
 * stay in the kernel for a whole SPDM exchange, and is left by killing the helper. All decoding happens here.
 */
import {errnoOf, ErrnoError, printable} from '../../errors.js'
import {errnoName} from '../errno.js'
import {encodeRequest} from '../genetlink/message.js'
import {decodeFamilyNamed, decodePolicies, NLCTRL, type NumberedFamily} from '../genetlink/control.js'
import {Reply} from '../genetlink/reply.js'
import type {HelperPool} from '../helper-process.js'
import {encodeAttributes, stringAttribute} from '../netlink.js'
import type {Kernel, NetlinkRequest} from '../port.js'
import {type Outcome, remoteLibc} from './libc.js'
import {AF_NETLINK, isFromKernel, MSG_TRUNC, OPTION, PROTOCOL, RAW, ROOM, SOL, u32Bytes} from './socket.js'

type Netlink = Pick<Kernel, 'netlinkDump' | 'netlinkFamily' | 'netlinkDo'>

/** Bytes; more than a request of ours ever has, less than the kernel's limit for one message. */
const LARGEST_REQUEST = 65_000

/** GENL_NAMSIZ, with the NUL. */
const LONGEST_NAME = 16

interface Question {
  readonly type: number
  readonly command: number
  readonly version: number
  readonly attributes: Uint8Array
  readonly isDump: boolean
}

interface Socket {
  ask(question: Question): Promise<readonly Uint8Array[]>
}

const subjectOf = (family: string): string => `the generic-netlink family ${printable(family)}`

async function familyOn(socket: Socket, name: string): Promise<NumberedFamily> {
  // the kernel would refuse a longer name as a malformed request
  if (name.length >= LONGEST_NAME || name.includes('\0')) throw new ErrnoError('ENOENT', 'ask', subjectOf(name))
  const attributes = encodeAttributes([stringAttribute(NLCTRL.attribute.name, name)])
  const {id: type, version, getFamily: command} = NLCTRL
  return decodeFamilyNamed(name, await socket.ask({type, version, command, attributes, isDump: false}))
}

async function policyOn(socket: Socket, name: string): Promise<ReadonlyMap<number, number | null> | undefined> {
  const attributes = encodeAttributes([stringAttribute(NLCTRL.attribute.name, name)])
  const {id: type, version, getPolicy: command} = NLCTRL
  try {
    return decodePolicies(await socket.ask({type, version, command, attributes, isDump: true}))
  } catch (error) {
    // before Linux 5.7 there is no such command; a family may have no policy
    if (['EOPNOTSUPP', 'ENODATA'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}

export function netlinkClient(pool: HelperPool): Netlink {
  /** Runs `work` on a socket of its own. */
  function withSocket<T>(family: string, signal: AbortSignal | undefined, work: (socket: Socket) => Promise<T>) {
    const subject = subjectOf(family)
    const about = {verb: 'ask', subject}
    return pool.use(about, signal, async ask => {
      const call = remoteLibc(ask, `ask ${subject}`)
      const done = ({result, out}: Outcome): Outcome => {
        if (result < 0) throw new ErrnoError(errnoName(-result), 'ask', subject)
        return {result, out}
      }
      const fd = done(await call('socket', AF_NETLINK, RAW, PROTOCOL.generic)).result
      try {
        // what an old kernel does not know costs only words
        for (const option of [OPTION.capAck, OPTION.extAck])
          await call('setsockopt', fd, SOL.netlink, option, {in: u32Bytes(1)}, 4)
        let sequence = 0
        return await work({
          async ask({attributes, ...question}) {
            if (attributes.length > LARGEST_REQUEST) throw new ErrnoError('EMSGSIZE', 'ask', subject)
            const request = encodeRequest({...question, attributes, sequence: ++sequence})
            done(await call('send', fd, {in: request}, request.length, 0))
            const reply = new Reply({type: question.type, sequence, isDump: question.isDump, subject})
            for (;;) {
              const values = [fd, {room: ROOM}, ROOM, MSG_TRUNC, {inout: new Uint8Array(12)}, {inout: u32Bytes(12)}]
              const {result, out} = await call('recvfrom', ...values)
              if (errnoName(-result) === 'EINTR') continue
              const [datagram, address] = done({result, out}).out
              if (!isFromKernel(address!)) continue
              if (result > ROOM) throw new ErrnoError('EMSGSIZE', 'ask', subject)
              if (reply.take(datagram!)) return reply.payloads
            }
          },
        })
      } finally {
        await call('close', fd).catch(() => undefined) // a helper that was killed has closed it
      }
    })
  }

  const asked = ({family, ...request}: NetlinkRequest, isDump: boolean, signal?: AbortSignal) =>
    withSocket(family, signal, async socket => {
      const {id: type} = await familyOn(socket, family)
      return socket.ask({...request, type, isDump})
    })

  return {
    netlinkFamily: (name, signal) =>
      withSocket(name, signal, async socket => {
        const {id: _, ...family} = await familyOn(socket, name)
        const policy = await policyOn(socket, name)
        // families whose commands have policies of their own state no common maximum
        return {...family, maxAttribute: Math.max(family.maxAttribute, ...(policy?.keys() ?? [])), policy}
      }),
    netlinkDump: (request, signal) => asked(request, true, signal),
    netlinkDo: (request, signal) => asked(request, false, signal),
  }
}
