/** Uevents as what they make worth another look. An event says that something happened; what, only the machine says. */
import {harmless, printable, TsmctlError} from '../../errors.js'
import {type Kernel, parseUevent, type Uevent} from '../../kernel/index.js'
import {isBdf} from '../../pci/index.js'

/** Events kept for those who want to see them; beyond it they count as lost. */
const KEPT = 4096
/** Milliseconds between two attempts to listen again. */
const AGAIN = 30_000

/** What events have asked for since somebody last took it. */
export interface Agenda {
  /** Functions to look at again, by BDF. */
  readonly functions: ReadonlySet<string>
  /** Functions and TSMs that were removed; each name may be there again. */
  readonly removed: ReadonlySet<string>
  /** TSMs came, went or became ready: with them come and go attributes of all functions. */
  readonly tsms: boolean
  /** Events were lost: anything may have happened. */
  readonly lost: boolean
  readonly events: readonly Uevent[]
  readonly problems: readonly {readonly code: string; readonly message: string}[]
}

interface Draft {
  functions: Set<string>
  removed: Set<string>
  tsms: boolean
  lost: boolean
  events: Uevent[]
  problems: {code: string; message: string}[]
}

const blank = (): Draft => ({
  functions: new Set(),
  removed: new Set(),
  tsms: false,
  lost: false,
  events: [],
  problems: [],
})

/** Does this event concern PCI functions or TSMs? */
function note(draft: Draft, event: Uevent): boolean {
  const subsystem = event.properties.get('SUBSYSTEM')
  const name = event.devpath.slice(event.devpath.lastIndexOf('/') + 1)
  if (subsystem === 'tsm') draft.tsms = true
  else if (subsystem === 'pci' && isBdf(name)) draft.functions.add(name)
  else return false
  if (event.action === 'remove') draft.removed.add(name)
  return true
}

function read(draft: Draft, raw: Uint8Array | 'lost', keep: boolean): boolean {
  if (raw === 'lost') {
    draft.lost = true
    return true
  }
  try {
    const event = parseUevent(raw)
    const concerned = note(draft, event)
    if (concerned && keep && draft.events.length < KEPT) draft.events.push(event)
    else if (concerned && keep) draft.lost = true
    return concerned
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    // whatever it was about may have changed
    if (draft.problems.length < KEPT) draft.problems.push({code: 'bad-event', message: error.message})
    draft.lost = true
    return true
  }
}

export interface Listening {
  /** Are there events? False where only looking again and again tells. */
  readonly listens: boolean
  take(): Agenda
}

/**
 * Listens until `signal` is aborted, and rings when there is something to take. Where there are no events it says so
 * once; where listening fails it says so and tries again, and what happened meanwhile counts as lost.
 */
export function listen(
  kernel: Kernel,
  {signal, ring, keep}: {readonly signal: AbortSignal; readonly ring: () => void; readonly keep: boolean},
): Listening {
  let draft = blank()
  let listens = true

  const complain = (code: string, message: string): void => {
    listens = false
    draft.problems.push({code, message})
    ring()
  }

  /** True when listening again may help. */
  async function once(): Promise<boolean> {
    try {
      for await (const raw of kernel.uevents(signal)) {
        if (!listens) draft.lost = true
        listens = true
        if (read(draft, raw, keep)) ring()
      }
      if (!signal.aborted)
        complain('no-events', 'the kernel ended its stream of events: looking again and again instead')
      return true
    } catch (error) {
      if (signal.aborted) return false
      if (!(error instanceof TsmctlError)) throw error
      const why = harmless(error.got ?? error.message, 300)
      if (listens) complain('no-events', `kernel events cannot be heard here: ${why}; looking again and again instead`)
      return error.kind !== 'unsupported' && error.kind !== 'not-permitted'
    }
  }

  async function keepListening(): Promise<void> {
    while (!signal.aborted && (await once())) {
      try {
        await kernel.sleep(AGAIN, signal)
      } catch {
        return
      }
      draft.lost = true
    }
  }

  keepListening().catch((error: unknown) =>
    complain('no-events', `kernel events can no longer be heard: ${printable(String(error), 300)}`),
  )
  return {
    get listens() {
      return listens
    },
    take() {
      const taken = draft
      draft = blank()
      return taken
    },
  }
}
