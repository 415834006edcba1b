/** How a boot ends, with a script in the place of QEMU. */
import {chmodSync, mkdirSync, mkdtempSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {boot, type BootOptions} from '../lane/host/boot.js'
import {Interrupted} from '../lane/host/failure.js'
import {qemuOf} from '../lane/host/make-machine.js'

/** A machine whose QEMU is a shell script; in it, `$share` is what the guest would see as /mnt. */
function machine(script: string): {options: BootOptions; share: string; closed: () => boolean} {
  const directory = mkdtempSync(join(tmpdir(), 'lane-boot-'))
  const share = join(directory, 'share')
  let isClosed = false
  mkdirSync(join(directory, 'lib'))
  const [program] = qemuOf(directory)
  writeFileSync(program, `#!/bin/sh\nshare='${share}'\necho $$ > "$share/pid"\n${script}\n`)
  chmodSync(program, 0o755)
  return {
    share,
    closed: () => isClosed,
    options: {
      bundle: {machine: directory, kernel: directory, release: '7.3.0'},
      checkout: directory,
      share,
      command: 'true',
      limit: 10,
      processors: 1,
      signal: new AbortController().signal,
      onLine: () => {},
      devices: () =>
        Promise.resolve({
          ports: [1, 2, 3, 4],
          close: () => {
            isClosed = true
            return Promise.resolve()
          },
        }),
    },
  }
}

describe('a machine', () => {
  it('ends with the status its command left', async () => {
    const {options, closed} = machine('echo up; echo 3 > "$share/status"')
    expect(await boot(options)).toMatchObject({end: {how: 'done', status: 3}, console: ['up']})
    expect(closed()).toBe(true)
  })

  it('is stopped at its time limit', async () => {
    const {options, closed} = machine('echo up; exec sleep 60')
    expect(await boot({...options, limit: 0.3})).toMatchObject({end: {how: 'time limit'}, console: ['up']})
    expect(closed()).toBe(true)
  })

  it.each([
    [
      'a panic',
      'echo "[    1.2] Kernel panic - not syncing: no"',
      'its kernel panicked: Kernel panic - not syncing: no',
    ],
    ['a failure of QEMU', 'echo "Failed to connect to SPDM socket server" >&2; exit 1', 'QEMU ended with status 1'],
    ['a signal', 'kill -SEGV $$', 'QEMU was ended by SIGSEGV'],
  ])('dies of %s', async (_, script, why) => {
    const {options, closed} = machine(script)
    expect((await boot(options)).end).toEqual({how: 'died', why})
    expect(closed()).toBe(true)
  })

  it('says so when QEMU is missing', async () => {
    const {options, closed} = machine('')
    const missing = {...options.bundle, machine: '/nonexistent'}
    await expect(boot({...options, bundle: missing})).rejects.toThrow(/^cannot start QEMU: .*ENOENT/)
    expect(closed()).toBe(true)
  })

  it('ends with the lane', async () => {
    const controller = new AbortController()
    const {options, closed} = machine('echo up; exec sleep 60')
    const booted = boot({
      ...options,
      signal: controller.signal,
      onLine: () => controller.abort(new Interrupted('SIGTERM')),
    })
    await expect(booted).rejects.toThrow('interrupted by SIGTERM')
    expect(closed()).toBe(true)
  })

  it('shows its console without escape sequences', async () => {
    const {options} = machine(String.raw`printf '\033c\033[2J\033[0mSeaBIOS\r\n\033[?25lRUN'`)
    expect((await boot(options)).console).toEqual(['SeaBIOS', 'RUN'])
  })
})
