/** The running machine. */
import {join} from 'node:path'
import {TsmctlError} from '../errors.js'
import {linkTarget, listNames, readPart, readWhole, statOf, writeOnce, writePart} from './attribute-io.js'
import {environment} from './environment.js'
import {helperProcesses} from './helper.js'
import {refuseIfAborted} from './interrupted.js'
import {fileLocks} from './lock.js'
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

const unbuilt = (attempted: string): never => {
  throw new TsmctlError({
    kind: 'unsupported',
    attempted,
    got: 'this version of tsmctl cannot do that, so evidence cannot be collected on live hosts',
    hint: 'use a simulated or replayed host (--host sim, --host replay:PATH)',
  })
}

export function liveKernel(options: LiveOptions = {}): Kernel {
  const uid = process.getuid?.() ?? -1
  const stateDirectory = options.stateDirectory ?? defaultStateDirectory(process.env, uid)
  const isSystem = uid === 0 && stateDirectory === defaultStateDirectory({}, 0)
  const helpers = helperProcesses()
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
    netlinkFamily: async name => unbuilt(`ask the kernel for the generic-netlink family ${name}`),
    netlinkDump: async ({family}) => unbuilt(`ask the kernel's generic-netlink family ${family}`),
    netlinkDo: async ({family}) => unbuilt(`ask the kernel's generic-netlink family ${family}`),
    uevents: () => unbuilt('listen to kernel events'),
    ioctl: async path => unbuilt(`talk to the driver of ${path}`),
    lock: fileLocks(isSystem ? RUN_DIRECTORY : join(stateDirectory, 'lock')),
    ...environment,
    close: () => helpers.close(),
  }
}
