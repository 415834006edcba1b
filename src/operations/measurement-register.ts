/**
 * Runtime measurement registers of a TDX guest: one write of a SHA-384 digest extends them, and nothing turns them back
 * before the next boot (Linux ABI `sysfs-devices-virtual-misc-tdx_guest`).
 */
import {printablePath, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'

const SIZE = 48
/** 0 and 1 belong to firmware and boot loader: extending them would make their log worthless until the next boot. */
const OURS = [2, 3]

const pathOf = (register: number): string => `/sys/devices/virtual/misc/tdx_guest/measurements/rtmr${register}:sha384`

/** Is `register` one that may be extended here? Throws TsmctlError `usage` otherwise. */
export function checkRegister(register: number): void {
  if (OURS.includes(register)) return
  throw new TsmctlError({
    kind: 'usage',
    attempted: `extend measurement register ${register}`,
    got: 'only 2 and 3 may be extended: the others belong to firmware and boot loader',
  })
}

/** Extends `register` by `digest`, 48 bytes. Throws TsmctlError; ENOENT where this is no TDX guest. */
export async function extendRegister(
  kernel: Kernel,
  register: number,
  digest: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  checkRegister(register)
  const path = pathOf(register)
  if (digest.length !== SIZE)
    throw new TsmctlError({
      kind: 'bug',
      attempted: `extend ${printablePath(path)}`,
      got: `${digest.length} bytes, not ${SIZE}`,
    })
  await kernel.write(path, digest, signal)
}
