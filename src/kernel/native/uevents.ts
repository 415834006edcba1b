/**
 * Kobject uevents of the running machine. The socket is bound before the call returns, so that nothing that happens
 * later is missed; a helper process inherits it and waits there, because nothing in Node can wait for a netlink socket
 * without keeping a thread.
 */
import {describeErrno, ErrnoError, TsmctlError} from '../../errors.js'
import {errnoName} from '../errno.js'
import {exchange, startHelper} from '../helper-process.js'
import type {Kernel} from '../port.js'
import {LARGEST_UEVENT} from '../uevent.js'
import {eventQueue} from './event-queue.js'
import {type Libc, libc, LIBC_SCRIPT, remoteLibc} from './libc.js'
import {addressOf, AF_NETLINK, isFromKernel, MSG_TRUNC, OPTION, PROTOCOL, RAW, ROOM, SOL, u32Bytes} from './socket.js'

const VERB = 'listen to'
const SUBJECT = 'kernel events'
/** Group of the kernel's own messages; udev's are in group 2. */
const KERNEL_GROUP = 1
/** Bytes the kernel keeps for us; the smaller one is what everybody may ask for. */
const RECEIVE_BUFFER = 8 * 1024 * 1024
/** First file descriptor that a helper inherits. */
const INHERITED = 3

/** Linux uapi `linux/prctl.h`, and the signal it asks for. */
const [PR_SET_PDEATHSIG, SIGKILL] = [1, 9]

/** Throws ErrnoError EOPNOTSUPP without koffi: then there are no events on this host. */
function nativeCalls(): Libc {
  try {
    return libc(`${VERB} ${SUBJECT}`)
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new ErrnoError('EOPNOTSUPP', VERB, SUBJECT, {got: error.got, hint: error.hint, cause: error})
  }
}

/** A bound socket, open in this process. Throws ErrnoError. */
function listeningSocket(native: Libc): number {
  const fd = native.socket(AF_NETLINK, RAW, PROTOCOL.kobjectUevent)
  if (fd < 0) throw new ErrnoError(errnoName(-fd), VERB, SUBJECT)
  const size = u32Bytes(RECEIVE_BUFFER)
  if (native.setsockopt(fd, SOL.socket, OPTION.receiveBufferForce, size, 4) < 0)
    native.setsockopt(fd, SOL.socket, OPTION.receiveBuffer, size, 4)
  const address = addressOf(KERNEL_GROUP)
  const bound = native.bind(fd, address, address.length)
  if (bound >= 0) return fd
  native.close(fd)
  throw new ErrnoError(errnoName(-bound), VERB, SUBJECT)
}

const ABOUT = {verb: VERB, subject: SUBJECT}

export const liveUevents: Kernel['uevents'] = signal => {
  const native = nativeCalls()
  const leaving = new AbortController()
  const queue = eventQueue(() => leaving.abort())
  // not AbortSignal.any, which holds its sources weakly
  const leave = (): void => void queue.return()
  if (signal.aborted) {
    queue.end()
    return queue
  }

  async function pump(fd: number): Promise<void> {
    const helper = await startHelper(ABOUT, LIBC_SCRIPT, [fd]).finally(() => native.close(fd))
    try {
      const call = remoteLibc(request => exchange(helper, ABOUT, request, leaving.signal), `${VERB} ${SUBJECT}`)
      // an event may be long in coming: a helper must not wait for it when we are gone without a word
      await call('prctl', PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
      while (!leaving.signal.aborted) {
        const address = {inout: new Uint8Array(12)}
        // one datagram after the other, as they come
        // oxlint-disable-next-line no-await-in-loop
        const {result, out} = await call('recvfrom', INHERITED, {room: ROOM}, ROOM, MSG_TRUNC, address, {
          inout: u32Bytes(12),
        })
        const errno = result < 0 ? errnoName(-result) : undefined
        if (errno === 'EINTR') continue
        if (errno === 'ENOBUFS') queue.push('lost')
        else if (errno !== undefined) throw new ErrnoError(errno, VERB, SUBJECT, {got: describeErrno(errno)})
        else if (isFromKernel(out[1]!)) queue.push(result > LARGEST_UEVENT ? 'lost' : out[0]!)
      }
    } finally {
      helper.kill('SIGKILL')
    }
  }

  const pumped = pump(listeningSocket(native))
  signal.addEventListener('abort', leave, {once: true})
  pumped
    .finally(() => signal.removeEventListener('abort', leave))
    .then(
      () => queue.end(),
      (error: unknown) => queue.end(leaving.signal.aborted ? undefined : error),
    )
  return queue
}
