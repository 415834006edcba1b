/**
 * The pins of this machine: a file per pin in tsmctl's state. A pin that cannot be read, or is damaged, is an error for
 * whoever needs pins: taken for absent it would make an exchanged device one of first use.
 */
import {
  type Acceptance,
  type Appraisal,
  decodePin,
  type DeviceProfile,
  encodePin,
  type Pin,
  PIN_LIMIT,
  type PinReader,
  remembered,
} from '../appraisal/index.js'
import {printablePath, TsmctlError} from '../errors.js'
import type {Bundle} from '../evidence/index.js'
import type {Kernel, StateStore} from '../kernel/index.js'

const FILE = /^pin-([0-9a-f]{96})\.json$/

const nameOf = (pinId: string): string => `pin-${pinId.slice('sha384:'.length)}.json`

/** Ids of all pins, also of damaged ones. */
export const pinIds = (state: StateStore): readonly string[] =>
  state.list().flatMap(name => {
    const [, hex] = FILE.exec(name) ?? []
    return hex === undefined ? [] : [`sha384:${hex}`]
  })

/** Undefined only where there is no such pin. Throws TsmctlError for one that cannot be used. */
export function readPin(state: StateStore, pinId: string): Pin | undefined {
  const bytes = state.read(nameOf(pinId), PIN_LIMIT + 1)
  if (bytes === undefined) return undefined
  try {
    return decodePin(bytes, pinId)
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: 'malformed',
      attempted: error.attempted,
      path: `${state.directory}/${nameOf(pinId)}`,
      got: error.got,
      hint: `A damaged pin is not taken for none: restore the file, or give it up with tsmctl forget ${pinId}`,
      cause: error,
    })
  }
}

/** All pins, read once. */
export function readPins(state: StateStore): readonly Pin[] {
  return pinIds(state).flatMap(id => readPin(state, id) ?? [])
}

/** What an appraisal asks. Of several devices that were accepted at one place, the last. */
export function pinReader(state: StateStore): PinReader {
  const pins = readPins(state)
  const byId = new Map(pins.map(pin => [pin.pinId, pin]))
  const newest = pins.toSorted((a, b) => Date.parse(a.lastAccepted.at) - Date.parse(b.lastAccepted.at))
  const byPlace = new Map(newest.map(pin => [pin.bdf, pin]))
  return {of: id => byId.get(id), at: bdf => byPlace.get(bdf)}
}

const ATTEMPTS = 50
const PAUSE_MS = 20

/** Exclusive use of a pin, which functions of one device share; others have it for an instant only. */
async function lockPin(kernel: Kernel, pinId: string): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return kernel.lock(`pin-${pinId.slice('sha384:'.length)}`)
    } catch (error) {
      if (!(error instanceof TsmctlError) || error.kind !== 'busy' || attempt === ATTEMPTS) throw error
      await kernel.sleep(PAUSE_MS)
    }
  }
}

/** Replaces the pin by what `change` makes of it; durable when it returns. */
async function changePin(kernel: Kernel, pinId: string, change: (before: Pin | undefined) => Pin): Promise<Pin> {
  const release = await lockPin(kernel, pinId)
  try {
    const pin = change(readPin(kernel.state, pinId))
    kernel.state.replace(nameOf(pinId), encodePin(pin))
    return pin
  } finally {
    release()
  }
}

export interface Remembering {
  readonly bundle: Bundle
  readonly appraisal: Appraisal
  readonly by: string
  /** Without it a device that is not pinned stays so. */
  readonly once?: boolean | undefined
}

const acceptanceOf = (kernel: Kernel, {bundle, appraisal, by}: Remembering): Acceptance => ({
  D: bundle.digest,
  P: appraisal.P!,
  at: kernel.now().toISOString(),
  by,
  tool: bundle.manifest.host.tool,
})

/**
 * Remembers a device that was just seen in RUN. Where a waiver covered something, the device stays pinned as it was:
 * an exception is not the new rule. And what a person enrolled only a person changes.
 */
export async function rememberAcceptance(kernel: Kernel, what: Remembering): Promise<void> {
  const {appraisal, bundle, once = false} = what
  const {profile} = appraisal
  if (profile === null) return
  if (once && readPin(kernel.state, profile.pinId) === undefined) return
  const acceptance = acceptanceOf(kernel, what)
  const isException = appraisal.results.some(({result}) => result === 'waived')
  const byNobody = appraisal.decision === 'accept'
  const bdf = bundle.manifest.device.bdf!
  await changePin(kernel, profile.pinId, before =>
    remembered(before, {
      event: 'accepted',
      acceptance,
      profile,
      bdf,
      keepProfile: isException || (byNobody && before?.mode === 'manual'),
    }),
  )
}

/** Pins a device as a person confirmed it; `check` sees the pin there was, and may refuse. */
export const enrolPin = (
  kernel: Kernel,
  what: Remembering & {readonly profile: DeviceProfile},
  check: (before: Pin | undefined) => void,
): Promise<Pin> =>
  changePin(kernel, what.profile.pinId, before => {
    check(before)
    const acceptance = acceptanceOf(kernel, what)
    return remembered(before, {
      event: 'enrolled',
      acceptance,
      profile: what.profile,
      bdf: what.bundle.manifest.device.bdf!,
    })
  })

/** Removes a pin, damaged or not; durable when it returns. */
export async function removePin(kernel: Kernel, pinId: string): Promise<void> {
  const release = await lockPin(kernel, pinId)
  try {
    kernel.state.remove(nameOf(pinId))
  } finally {
    release()
  }
}

export const pinPath = (state: StateStore, pinId: string): string =>
  printablePath(`${state.directory}/${nameOf(pinId)}`)
