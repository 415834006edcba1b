/** One boot: responders, QEMU, and what the guest leaves; nothing outlives it. */
import {spawn} from 'node:child_process'
import {existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {Bundle} from './bundle.js'
import {lineReader} from './console.js'
import {type Devices, startDevices} from './devices.js'
import {LaneFailure} from './failure.js'
import {machineArguments} from './machine.js'
import {qemuOf} from './make-machine.js'

export interface BootOptions {
  readonly bundle: Bundle
  readonly checkout: string
  /** Directory shared with the guest as /mnt, writable there. */
  readonly share: string
  /** Run by the guest's shell. */
  readonly command: string
  /** Seconds. */
  readonly limit: number
  readonly processors: number
  readonly signal: AbortSignal
  /** Told of every line on the console. */
  readonly onLine: (line: string) => void
  /** The emulated devices; ours unless a test has others. */
  readonly devices?: (share: string) => Promise<Devices>
}

export type BootEnd =
  /** The guest ran its command to the end and left its exit status. */
  | {readonly how: 'done'; readonly status: number}
  /** It was stopped when its time was over. */
  | {readonly how: 'time limit'; readonly seconds: number}
  /** QEMU ended before the command did: the kernel panicked, or QEMU could not go on. */
  | {readonly how: 'died'; readonly why: string}

export interface Booted {
  readonly end: BootEnd
  /** Everything the console said, the last so many lines. */
  readonly console: readonly string[]
  readonly seconds: number
}

/** MiB. */
const MEMORY = 1024
const KEPT_LINES = 10_000

function diedOf(console: readonly string[], code: number | null, signal: NodeJS.Signals | null): string {
  const panic = console.find(line => line.includes('Kernel panic'))
  if (panic !== undefined) return `its kernel panicked: ${panic.replace(/^\[[^\]]*\] /, '')}`
  if (signal !== null) return `QEMU was ended by ${signal}`
  return code === 0 ? 'it switched itself off' : `QEMU ended with status ${code}`
}

/** Boots a machine and waits for its end. Throws when QEMU cannot be started, and the reason of `signal`. */
export async function boot({bundle, share, signal, onLine, ...options}: BootOptions): Promise<Booted> {
  signal.throwIfAborted()
  for (const name of ['out', 'control']) mkdirSync(join(share, name), {recursive: true})
  writeFileSync(join(share, 'command'), `${options.command}\n`)
  if (!existsSync(join(share, 'node_modules'))) symlinkSync('/repo/node_modules', join(share, 'node_modules'))
  const started = performance.now()
  const devices = await (options.devices ?? startDevices)(share)
  try {
    signal.throwIfAborted()
    const [program, ...args] = qemuOf(bundle.machine)
    const machine = machineArguments({
      kernel: join(bundle.kernel, 'vmlinuz'),
      initramfs: join(bundle.kernel, 'initramfs.cpio'),
      root: join(bundle.machine, 'root'),
      share,
      checkout: options.checkout,
      ports: devices.ports,
      processors: options.processors,
      memory: MEMORY,
    })
    // a group of its own: Ctrl-C in a terminal is for the lane, which ends its machines
    const qemu = spawn(program, [...args, ...machine], {stdio: ['ignore', 'pipe', 'pipe'], detached: true})
    const console: string[] = []
    const reader = lineReader(line => {
      console.push(line)
      if (console.length > 2 * KEPT_LINES) console.splice(0, KEPT_LINES)
      onLine(line)
    })
    for (const stream of [qemu.stdout, qemu.stderr]) stream.setEncoding('utf8').on('data', reader.push)
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      qemu.kill('SIGKILL')
    }, options.limit * 1000)
    const onAbort = (): void => void qemu.kill('SIGKILL')
    signal.addEventListener('abort', onAbort, {once: true})
    try {
      const [code, killed] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
        qemu.on('error', error =>
          reject(new LaneFailure('start QEMU', error.message, 'Remove the cache and try again.')),
        )
        qemu.on('close', (status, name) => resolve([status, name]))
      })
      reader.end()
      signal.throwIfAborted()
      const left = join(share, 'status')
      const end: BootEnd = existsSync(left)
        ? {how: 'done', status: Number(readFileSync(left, 'utf8'))}
        : isLate
          ? {how: 'time limit', seconds: options.limit}
          : {how: 'died', why: diedOf(console, code, killed)}
      return {end, console, seconds: (performance.now() - started) / 1000}
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  } finally {
    await devices.close()
  }
}
