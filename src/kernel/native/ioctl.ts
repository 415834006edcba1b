/** ioctl(2) in a helper process, because drivers may wait for firmware. */
import {ErrnoError, printablePath} from '../../errors.js'
import {errnoName} from '../errno.js'
import type {HelperPool} from '../helper-process.js'
import {sizeOfIoctl} from '../ioctl-number.js'
import type {Kernel} from '../port.js'
import {remoteLibc} from './libc.js'

/** The largest argument that a number can name is one byte less: a driver that goes by it stays inside this room. */
const ROOM = 16_384
/** open(2): Linux `asm-generic/fcntl.h`. */
const OPEN = {readOnly: 0, readWrite: 2, closeOnExec: 0o2000000, noControllingTerminal: 0o400}

/** EINVAL for a number that names more bytes than `argument` has: the kernel would write behind them. */
export const liveIoctl =
  (pool: HelperPool): Kernel['ioctl'] =>
  async (path, request, argument, signal) => {
    const refused = (errno: string): ErrnoError => new ErrnoError(errno, 'talk to', path)
    if (sizeOfIoctl(request) > argument.length || argument.length > ROOM || path.includes('\0')) throw refused('EINVAL')
    return pool.use({verb: 'talk to', subject: path}, signal, async ask => {
      const call = remoteLibc(ask, `talk to ${printablePath(path)}`)
      const name = {in: new Uint8Array(Buffer.from(`${path}\0`))}
      const flags = OPEN.closeOnExec + OPEN.noControllingTerminal
      let fd = (await call('open', name, OPEN.readWrite + flags, 0)).result
      if (['EACCES', 'EROFS', 'EISDIR'].includes(errnoName(-fd)))
        fd = (await call('open', name, OPEN.readOnly + flags, 0)).result
      if (fd < 0) throw refused(errnoName(-fd))
      try {
        const room = new Uint8Array(ROOM)
        room.set(argument)
        const {result, out} = await call('ioctl', fd, request, {inout: room})
        if (result < 0) throw refused(errnoName(-result))
        return out[0]!.slice(0, argument.length)
      } finally {
        await call('close', fd).catch(() => undefined) // a helper that was killed has closed it
      }
    })
  }
