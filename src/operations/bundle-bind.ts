/** `bundle bind`: ties evidence to the platform it was collected on, by a report of the guest's own TSM (configfs-tsm). */
import {toHex} from '../bits/index.js'
import {
  type BoundEvidence,
  type Bundle,
  carriesBinding,
  platformBinding,
  type PlatformReport,
} from '../evidence/index.js'
import {errnoOf, ErrnoError, quoted, TsmctlError} from '../errors.js'
import {attributeText, type Kernel, readText} from '../kernel/index.js'

const REPORTS = '/sys/kernel/config/tsm/report'
/** How often a report that somebody else disturbed is asked for again. */
const ATTEMPTS = 3
/** While the host has an earlier quote. */
const BUSY_WAITS = [1000, 2000, 4000]

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'This kernel makes no reports, or configfs is not mounted at /sys/kernel/config.',
  ENXIO: 'No provider of reports is loaded: is this a confidential guest?',
  EACCES: 'Reports are made by root.',
  EPERM: 'Nothing on this host makes reports.',
  EBUSY: 'The host still has an earlier report under way.',
  ETIMEDOUT: 'The host did not answer in time.',
}

function explained(error: unknown): unknown {
  if (!(error instanceof ErrnoError)) return error
  return new TsmctlError({
    kind: error.errno === 'ENOENT' || error.errno === 'ENXIO' || error.errno === 'EPERM' ? 'unsupported' : error.kind,
    attempted: "obtain the platform's report",
    path: error.path,
    got: error.got,
    hint: HINTS[error.errno],
    cause: error,
  })
}

function providerOf(text: string): string {
  if (/^[a-z0-9_]{1,64}$/.test(text)) return text
  throw new TsmctlError({kind: 'malformed', attempted: "obtain the platform's report", got: `provider ${quoted(text)}`})
}

const generation = (kernel: Kernel, item: string): bigint => {
  const text = readText(kernel, `${item}/generation`)
  if (/^\d{1,20}$/.test(text)) return BigInt(text)
  throw new TsmctlError({
    kind: 'malformed',
    attempted: "obtain the platform's report",
    got: 'its generation is no number',
  })
}

/** A read that waits while the host is busy with another report. */
async function patiently(kernel: Kernel, path: string, signal?: AbortSignal): Promise<Uint8Array> {
  for (const wait of BUSY_WAITS) {
    try {
      // each waits for the one before
      // oxlint-disable-next-line no-await-in-loop
      return await kernel.query(path, signal)
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY') throw error
      // oxlint-disable-next-line no-await-in-loop
      await kernel.sleep(wait, signal)
    }
  }
  return kernel.query(path, signal)
}

/** Undefined when somebody else wrote to the item meanwhile: what was read may be of two reports. */
async function attempt(kernel: Kernel, value: Uint8Array, signal?: AbortSignal): Promise<PlatformReport | undefined> {
  const item = `${REPORTS}/tsmctl-${toHex(kernel.random(8))}`
  await kernel.makeDirectory(item, signal)
  try {
    const provider = providerOf(readText(kernel, `${item}/provider`))
    const before = generation(kernel, item)
    let writes = 1n
    if (kernel.stat(`${item}/privlevel_floor`) !== undefined) {
      // the default may be below what this guest is allowed
      const floor = attributeText(kernel.read(`${item}/privlevel_floor`))
      await kernel.write(`${item}/privlevel`, new TextEncoder().encode(floor), signal)
      writes++
    }
    await kernel.write(`${item}/inblob`, value, signal)
    const report = await patiently(kernel, `${item}/outblob`, signal)
    const auxiliary =
      kernel.stat(`${item}/auxblob`) === undefined ? undefined : await kernel.query(`${item}/auxblob`, signal)
    // a write takes effect when it is closed and tells no error then: the count does
    if (generation(kernel, item) !== before + writes) return undefined
    return {provider, report, auxiliary: auxiliary?.length === 0 ? undefined : auxiliary}
  } finally {
    await kernel.removeDirectory(item)
  }
}

/**
 * The platform's report of this bundle and nonce. Throws TsmctlError: `unsupported` without a provider, `busy` when others
 * disturb it, `malformed` for a report of something else.
 */
export async function platformReport(
  kernel: Kernel,
  bundle: Bundle,
  nonce: Uint8Array,
  signal?: AbortSignal,
): Promise<BoundEvidence> {
  const value = platformBinding(bundle.digest, nonce)
  for (let tries = 0; tries < ATTEMPTS; tries++) {
    let platform: PlatformReport | undefined
    try {
      // one at a time: each is a fresh item
      // oxlint-disable-next-line no-await-in-loop
      platform = await attempt(kernel, value, signal)
    } catch (error) {
      throw explained(error)
    }
    if (platform === undefined) continue
    const bound = {bundle, nonce, platform}
    if (carriesBinding(bound) !== false) return bound
    throw new TsmctlError({
      kind: 'malformed',
      attempted: "obtain the platform's report",
      got: 'it does not carry the value that was given',
    })
  }
  throw new TsmctlError({
    kind: 'busy',
    attempted: "obtain the platform's report",
    got: `somebody else changed the request ${ATTEMPTS} times`,
  })
}
