/** One simulated DOE mailbox behind a kernel port that has nothing else, on a clock that moves when somebody waits. */
import type {Kernel} from '../../src/kernel/index.js'
import {DOE_REGISTER, DoeInstance} from '../../src/pci/index.js'
import {type MailboxSpec, SimMailbox} from '../../src/sim/doe-mailbox.js'
import {mapKernel} from './map-kernel.js'

export const DEVICE = '0000:01:00.0'
export const OFFSET = 0x150
export const CONFIG = `/sys/bus/pci/devices/${DEVICE}/config`

const NANOSECONDS = 1_000_000

export interface Clock {
  readonly monotonic: () => bigint
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** Milliseconds since the beginning. */
  readonly elapsed: () => number
}

export function virtualClock(): Clock {
  let now = 0n
  return {
    monotonic: () => now,
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted()
      now += BigInt(Math.ceil(milliseconds * NANOSECONDS))
    },
    elapsed: () => Number(now) / NANOSECONDS,
  }
}

export interface MailboxSetup {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly box: SimMailbox
  readonly instance: DoeInstance
  /** Status register, as anybody sees it. */
  readonly status: () => number
}

/** `change` wraps the port, for misfortune on the way to the registers. */
export function mailboxSetup(
  spec: Partial<MailboxSpec> = {},
  change: (kernel: Kernel) => Kernel = kernel => kernel,
): MailboxSetup {
  const clock = virtualClock()
  const version = spec.version ?? 1
  const box = new SimMailbox({
    version,
    features: [
      {vendor: 1, type: 1},
      {vendor: 1, type: 2},
    ],
    answer: ({payload}) => payload,
    monotonic: clock.monotonic,
    ...spec,
  })
  const kernel: Kernel = {
    ...mapKernel({[CONFIG]: new Uint8Array(4096)}),
    monotonic: clock.monotonic,
    sleep: milliseconds => clock.sleep(milliseconds),
    readAt(_, offset, length) {
      const bytes = new Uint8Array(length)
      new DataView(bytes.buffer).setUint32(0, box.read(offset - OFFSET), true)
      return bytes
    },
    writeAt: (_, offset, bytes) =>
      box.write(offset - OFFSET, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)),
  }
  return {
    kernel,
    clock,
    box,
    instance: new DoeInstance(change(kernel), DEVICE, {offset: OFFSET, version}),
    status: () => box.read(DOE_REGISTER.status),
  }
}
