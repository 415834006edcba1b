/** One boot: responders, QEMU, and what the guest leaves; nothing outlives it. */
import {spawn} from 'node:child_process'
import {existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {Bundle} from './bundle.js'
import {machineArguments} from './machine.js'
import {startDevices} from './devices.js'

export interface BootOptions {
  readonly bundle: Bundle
  readonly checkout: string
  /** Directory shared with the guest as /mnt, writable there. */
  readonly share: string
  /** Run by the guest's shell. */
  readonly command: string
  /** Seconds. */
  readonly timeout: number
  readonly processors: number
  readonly signal: AbortSignal
  /** Told of every line on the console. */
  readonly onLine: (line: string) => void
}

export type BootEnd = 'done' | 'timeout' | 'interrupted' | 'died'

export interface Booted {
  readonly end: BootEnd
  /** Exit status of the guest's command; undefined when it did not come to that. */
  readonly status: number | undefined
  /** Everything the console said. */
  readonly console: string
}

const MEMORY = 1024

export async function boot({bundle, share, onLine, ...options}: BootOptions): Promise<Booted> {
  mkdirSync(join(share, 'out'), {recursive: true})
  mkdirSync(join(share, 'control'), {recursive: true})
  writeFileSync(join(share, 'command'), `${options.command}\n`)
  if (!existsSync(join(share, 'node_modules'))) symlinkSync('/repo/node_modules', join(share, 'node_modules'))
  const devices = await startDevices(share)
  try {
    const {directory} = bundle
    const library = join(directory, 'lib')
    const qemu = spawn(
      join(library, 'ld-linux-x86-64.so.2'),
      [
        '--library-path',
        library,
        join(directory, 'qemu'),
        '-L',
        join(directory, 'share'),
        ...machineArguments({
          kernel: join(directory, 'vmlinuz'),
          initramfs: join(directory, 'initramfs.cpio'),
          root: join(directory, 'root'),
          share,
          checkout: options.checkout,
          ports: devices.ports,
          processors: options.processors,
          memory: MEMORY,
        }),
      ],
      {stdio: ['ignore', 'pipe', 'pipe']},
    )
    return await new Promise<Booted>((resolve, reject) => {
      let end: BootEnd = 'died'
      let console = ''
      let rest = ''
      const stop = (why: BootEnd): void => {
        end = why
        qemu.kill('SIGKILL')
      }
      const timer = setTimeout(() => stop('timeout'), options.timeout * 1000)
      const onAbort = (): void => stop('interrupted')
      options.signal.addEventListener('abort', onAbort, {once: true})
      if (options.signal.aborted) onAbort()
      const onText = (text: string): void => {
        console += text
        const lines = (rest + text).split(/\r?\n/)
        rest = lines.pop()!
        for (const line of lines) onLine(line)
      }
      for (const stream of [qemu.stdout, qemu.stderr]) stream.setEncoding('utf8').on('data', onText)
      const settle = (): void => {
        clearTimeout(timer)
        options.signal.removeEventListener('abort', onAbort)
      }
      qemu.on('error', error => {
        settle()
        reject(error)
      })
      qemu.on('close', () => {
        settle()
        const left = join(share, 'status')
        const status = existsSync(left) ? Number(readFileSync(left, 'utf8')) : undefined
        resolve({end: status === undefined ? end : 'done', status, console})
      })
    })
  } finally {
    await devices.close()
  }
}
