/** The running machine. */
import {join} from 'node:path'
import {linkTarget, listNames, readPart, readWhole, statOf, writeOnce, writePart} from './attribute-io.js'
import {environment} from './environment.js'
import {helperProcesses} from './helper.js'
import {refuseIfAborted} from './interrupted.js'
import {fileLocks} from './lock.js'
import {takeFlock} from './native/flock.js'
import {liveUevents} from './native/uevents.js'
import type {Kernel} from './port.js'
import {defaultStateDirectory, directoryState} from './state.js'

export interface LiveOptions {
  /** Where tsmctl keeps its own state; `defaultStateDirectory` of this user unless given. */
  readonly stateDirectory?: string
}

/** TSM attributes and configfs reports wait for firmware; binding, removal and reset wait for drivers. */
const BLOCKING = /\/tsm\/|\/(?:authenticated|bind|unbind|drivers_probe|remove|rescan|reset|sriov_numvfs)$/

/** Locks must be seen by all of root's processes and vanish with a reboot; /run does both. */
const RUN_DIRECTORY = '/run/tsmctl'

/** What needs FFI, loaded with its codecs on first use. */
async function openNative() {
  const [{netlinkClient}, {liveIoctl}, {LIBC_SCRIPT}, {helperPool}] = await Promise.all([
    import('./native/netlink-client.js'),
    import('./native/ioctl.js'),
    import('./native/libc.js'),
    import('./helper-process.js'),
  ])
  const pool = helperPool(LIBC_SCRIPT)
  return {...netlinkClient(pool), ioctl: liveIoctl(pool), close: () => pool.close()}
}

export function liveKernel(options: LiveOptions = {}): Kernel {
  const uid = process.getuid?.() ?? -1
  const stateDirectory = options.stateDirectory ?? defaultStateDirectory(process.env, uid)
  const isSystem = uid === 0 && stateDirectory === defaultStateDirectory({}, 0)
  const helpers = helperProcesses()
  let opened: ReturnType<typeof openNative> | undefined
  const native = () => (opened ??= openNative())
  return {
    host: {kind: 'live', label: ''},
    state: directoryState(stateDirectory),
    read: path => readWhole(path),
    readAt: (path, offset, length) => readPart(path, offset, length),
    writeAt: (path, offset, bytes) => writePart(path, offset, bytes),
    readlink: path => linkTarget(path),
    list: path => listNames(path),
    stat: path => statOf(path),
    async query(path, signal) {
      refuseIfAborted(signal, 'read', path)
      return BLOCKING.test(path) ? helpers.read(path, signal) : readWhole(path)
    },
    async write(path, bytes, signal) {
      refuseIfAborted(signal, 'write', path)
      if (BLOCKING.test(path)) await helpers.write(path, bytes, signal)
      else writeOnce(path, bytes)
    },
    async makeDirectory(path, signal) {
      refuseIfAborted(signal, 'make', path)
      await helpers.makeDirectory(path, signal)
    },
    async removeDirectory(path, signal) {
      refuseIfAborted(signal, 'remove', path)
      await helpers.removeDirectory(path, signal)
    },
    async netlinkFamily(name, signal) {
      refuseIfAborted(signal, 'ask', name)
      return (await native()).netlinkFamily(name, signal)
    },
    async netlinkDump(request, signal) {
      refuseIfAborted(signal, 'ask', request.family)
      return (await native()).netlinkDump(request, signal)
    },
    async netlinkDo(request, signal) {
      refuseIfAborted(signal, 'ask', request.family)
      return (await native()).netlinkDo(request, signal)
    },
    uevents: signal => liveUevents(signal),
    async ioctl(path, request, argument, signal) {
      refuseIfAborted(signal, 'talk to', path)
      return (await native()).ioctl(path, request, argument, signal)
    },
    lock: fileLocks(isSystem ? RUN_DIRECTORY : join(stateDirectory, 'lock'), takeFlock),
    ...environment,
    close() {
      helpers.close()
      void opened?.then(({close}) => close())
    },
  }
}
