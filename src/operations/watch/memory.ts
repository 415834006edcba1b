/**
 * What unattended admission remembers over restarts: whom it denied, on which evidence, under which policy; whom it
 * admitted; whom it was at. Kept as `watch.json` in tsmctl's state.
 */
import {TsmctlError} from '../../errors.js'
import type {Kernel} from '../../kernel/index.js'
import {isRecord} from '../../records.js'

export interface Denial {
  /** Digest of what the device claims to be. */
  readonly claims: string
  /** Digest of the policy. */
  readonly policy: string
  /** Stable digest of its evidence. */
  readonly evidence: string
  readonly bootId: string | null
  /** RFC 3339. */
  readonly at: string
  readonly reason: string
  /** How often this evidence was met. */
  readonly times: number
}

interface Memory {
  readonly version: 1
  /** By BDF. */
  readonly denied: Readonly<Record<string, Denial>>
  /** Evidence on which, and boot in which, each device was admitted, by BDF. */
  readonly admitted: Readonly<Record<string, {readonly digest: string; readonly bootId: string | null}>>
  readonly underway: {readonly bdf: string; readonly bootId: string | null} | null
}

const FILE = 'watch.json'
const EMPTY: Memory = {version: 1, denied: {}, admitted: {}, underway: null}

const isMemory = (value: unknown): value is Memory =>
  isRecord(value) &&
  value['version'] === 1 &&
  isRecord(value['denied']) &&
  Object.values(value['denied']).every(
    denial =>
      isRecord(denial) &&
      ['claims', 'policy', 'evidence', 'at', 'reason'].every(key => typeof denial[key] === 'string') &&
      Number.isSafeInteger(denial['times']),
  ) &&
  isRecord(value['admitted']) &&
  Object.values(value['admitted']).every(isRecord) &&
  (value['underway'] === null || isRecord(value['underway']))

/** Reads the memory. Throws TsmctlError `malformed`: to forget who was denied is not for a damaged file to decide. */
function readMemory({state}: Kernel): Memory {
  const bytes = state.read(FILE)
  if (bytes === undefined) return EMPTY
  let found: unknown
  try {
    found = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    found = undefined
  }
  if (isMemory(found)) return found
  throw new TsmctlError({
    kind: 'malformed',
    attempted: 'read whom unattended admission has denied',
    path: `${state.directory}/${FILE}`,
    got: 'not what tsmctl writes there',
    hint: 'Remove the file to forget it: every device is then tried again.',
  })
}

export function openMemory(kernel: Kernel) {
  let memory = readMemory(kernel)
  const keep = (changed: Partial<Memory>): void => {
    memory = {...memory, ...changed}
    kernel.state.replace(FILE, new Uint8Array(Buffer.from(`${JSON.stringify(memory, null, 2)}\n`)))
  }
  return {
    get underway() {
      return memory.underway
    },
    denialOf: (bdf: string): Denial | undefined => memory.denied[bdf],
    admittedAs: (bdf: string): Memory['admitted'][string] | undefined => memory.admitted[bdf],
    /** Whatever comes of it, an earlier admission is over. */
    begin(bdf: string, bootId: string | null): void {
      const {[bdf]: _, ...admitted} = memory.admitted
      keep({underway: {bdf, bootId}, admitted})
    },
    /** Whatever came of it, it is over. */
    end: (
      changed: {readonly denied?: [string, Denial]; readonly admitted?: [string, string, string | null]} = {},
    ): void => {
      const {[changed.admitted?.[0] ?? '']: _, ...denied} = memory.denied
      keep({
        underway: null,
        denied: changed.denied === undefined ? denied : {...denied, [changed.denied[0]]: changed.denied[1]},
        ...(changed.admitted !== undefined && {
          admitted: {
            ...memory.admitted,
            [changed.admitted[0]]: {digest: changed.admitted[1], bootId: changed.admitted[2]},
          },
        }),
      })
    },
  }
}

export type MemoryOfAdmission = ReturnType<typeof openMemory>
