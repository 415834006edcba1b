import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {offer} from '../cli/emit.js'
import {type Envelope, jsonLine} from '../cli/envelope.js'
import {externalFlag, externalProgram} from '../cli/external-flag.js'
import {parseInterval} from '../cli/interval.js'
import {decidingPolicy, policyFlag, policyKeyFlag} from '../cli/policy-flag.js'
import {watchDocuments, watchText} from '../cli/watch-lines.js'
import {type ErrorKind, TsmctlError} from '../errors.js'
import type {Outcome as AdmissionOutcome, WatchEvent} from '../operations/watch/index.js'
import {watch} from '../operations/watch/watch.js'

/** Outcomes that `--once` ends with a failure for, as `admit` would. */
const FAILURE: Partial<Record<AdmissionOutcome, ErrorKind>> = {
  denied: 'denied',
  review: 'review',
  retry: 'busy',
  failed: 'transition',
}

export default class Watch extends BaseCommand {
  static override summary = 'Tell what changes: devices, TSMs, states, drivers, streams; admit devices unattended'
  static override description =
    'Prints the present state, then one line for each transition until it is interrupted. Kernel events tell where to ' +
    'look; lock, accept and connect send none and are looked at again every --interval. With --policy each unlocked TDI ' +
    'that the policy selects is admitted as by admit, one at a time; what failed for a passing reason is tried again ' +
    'later, what was denied is not tried again before the device or the policy changes. SIGTERM ends the watch with 0 ' +
    'and Ctrl-C with 130, once the admission under way is finished or rolled back. With --json each line is a document ' +
    'of its own (schema/watch-event-1.json).'
  static override examples = [
    '<%= config.bin %> watch',
    '<%= config.bin %> watch 0000:01:00.0 --interval 500ms --json',
    '<%= config.bin %> watch --once --json | jq -r \'select(.kind == "state") | .name\'',
    '<%= config.bin %> watch --policy /etc/tsmctl/policy.yaml',
  ]
  static override strict = false
  static override args = {bdf: {...bdfArgument.bdf, required: false}}
  static override usage = 'watch [BDF...] [--policy FILE] [--interval TIME] [--once] [--uevents] [--json]'
  static override flags = {
    ...policyKeyFlag,
    revocation: policyFlag.revocation,
    policy: Flags.string({
      multiple: true,
      description: 'admit devices under this policy file; several are merged. Read again when it changes',
    }),
    ...externalFlag,
    interval: Flags.string({
      description: 'time between two looks at what changes without events: 100ms to 1h',
      default: '2s',
    }),
    once: Flags.boolean({description: 'print the present state, admit whom the policy admits, and end'}),
    uevents: Flags.boolean({description: "print the kernel's events about functions and TSMs too"}),
  }

  /** Long waits are among what a watch tells. */
  protected override readonly announcesWaits = false

  readonly #documents = watchDocuments()
  /** Somebody still reads what is printed. */
  #read = true
  /** A line is on its way to somebody who does not take it. */
  #stuck = false
  /** An admission under way is not waited for. */
  #abandoned = false

  protected async act(session: Session): Promise<Outcome> {
    const {argv, flags} = await this.parse(Watch)
    const {kernel, signal, abandon, json} = session
    const only = argv.length === 0 ? undefined : new Set(parseBdfs(argv as string[]))
    const interval = parseInterval(flags.interval)
    const policy = flags.policy === undefined ? undefined : () => decidingPolicy(flags.policy, kernel, flags)
    if (policy !== undefined && kernel.host.kind === 'replay')
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'admit devices unattended',
        got: 'a recorded host can only be looked at',
        hint: 'Leave out --policy, or use --host live or --host sim.',
      })
    // whoever reads no more ends the watch as a signal does
    const closed = new AbortController()
    const end = (): void => closed.abort()
    signal.addEventListener('abort', end, {once: true})
    if (signal.aborted) end()
    const events = watch(kernel, {
      signal: closed.signal,
      abandon,
      interval,
      once: flags.once,
      only,
      uevents: flags.uevents,
      policy,
      onStep: session.progress,
      ...externalProgram(flags),
    })
    let worst: TsmctlError | undefined
    const begin = this.#documents.begin(kernel.now(), kernel.host, interval, policy !== undefined)
    if (json && !(await this.#print(jsonLine(begin), abandon))) end()
    abandon.addEventListener('abort', () => (this.#abandoned = true), {once: true})
    for await (const event of events) {
      const line = json ? jsonLine(this.#documents.of(event)) : watchText(event)
      if (!(await this.#print(line, signal))) end()
      if (flags.once) worst ??= failureOf(event)
    }
    const interrupted =
      session.stoppedBy() === 'SIGINT'
        ? new TsmctlError({kind: 'interrupted', attempted: 'go on watching', got: 'interrupted'})
        : undefined
    return {data: null, text: '', error: interrupted ?? worst}
  }

  /** Prints a line, waiting no longer than `signal` allows. False when nobody reads any more. */
  async #print(line: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#read || this.#stuck) return this.#read
    const outcome = await orLate(offer(line), signal)
    if (outcome === 'late') this.#stuck = true
    else this.#read = outcome
    return this.#read
  }

  protected override answerText({error, warnings}: Envelope): string {
    return this.#read && !this.#stuck ? jsonLine(this.#documents.end(new Date(), error, warnings)) : ''
  }

  override async run(): Promise<void> {
    await super.run()
    // a reader that takes nothing, or a write to the kernel that was abandoned, would keep the process
    // oxlint-disable-next-line unicorn/no-process-exit
    if (this.#stuck || this.#abandoned) process.exit()
  }
}

/** Milliseconds that lines have to be taken once the watch has been told to end. */
const LAST_WORDS = 500

/** What `act` gives, or `late` some time after `signal` was aborted. */
function orLate<T>(act: Promise<T>, signal: AbortSignal): Promise<T | 'late'> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const hurry = (): void => void (timer = setTimeout(() => resolve('late'), LAST_WORDS))
    if (signal.aborted) hurry()
    else signal.addEventListener('abort', hurry, {once: true})
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', hurry)
    }
    act.finally(done).then(resolve, reject)
  })
}

function failureOf(event: WatchEvent): TsmctlError | undefined {
  if (event.kind !== 'admission') return undefined
  const kind = FAILURE[event.outcome]
  if (kind === undefined) return undefined
  return event.error ?? new TsmctlError({kind, attempted: `admit ${event.bdf}`, subject: event.bdf, got: event.message})
}
