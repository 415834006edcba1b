/**
 * What all commands share: the host flag, `--json`, one way to succeed and one way to fail. A command parses, calls an
 * operation, and returns data with its text form; everything about streams and exit codes happens here.
 */
import {Command, Errors, Flags} from '@oclif/core'
import {EXIT_CODES, printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {announcingWaits} from '../operations/attentive.js'
import {openHost} from '../operations/open-host.js'
import {emit, talk} from './emit.js'
import {type Envelope, envelope, envelopeText, errorText, type Warning} from './envelope.js'
import {redactor} from './redact.js'

export interface Session {
  readonly kernel: Kernel
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP: operations stop after the current step and roll back. */
  readonly signal: AbortSignal
  /** Aborted by the second Ctrl-C or SIGTERM: what the kernel is still at is not waited for either. */
  readonly abandon: AbortSignal
  /** Which signal it was that aborted `signal`; undefined while none did. */
  readonly stoppedBy: () => NodeJS.Signals | undefined
  readonly json: boolean
  warn(code: string, message: string, subject?: string): void
  /** Progress for people, on standard error; silent under --json. */
  progress(line: string): void
}

/** Members may be getters: of data and text only what is printed is asked for. */
export interface Outcome {
  readonly data: unknown
  readonly text: string
  /** The command did its work and the answer is no (denied, review needed, partial failure). */
  readonly error?: TsmctlError | undefined
}

export abstract class BaseCommand extends Command {
  static override baseFlags = {
    host: Flags.string({
      description: 'machine to talk to: live, sim[:DIR], replay:PATH',
      env: 'TSMCTL_HOST',
      default: 'live',
      helpGroup: 'GLOBAL',
    }),
    json: Flags.boolean({char: 'J', description: 'print one JSON object on standard output', helpGroup: 'GLOBAL'}),
  }

  /** Commands that touch no host (decode) leave it closed. */
  protected readonly usesHost: boolean = true

  /** False for commands that tell of long waits themselves. */
  protected readonly announcesWaits: boolean = true

  protected abstract act(session: Session): Promise<Outcome>

  override async run(): Promise<void> {
    // a command line that cannot be parsed is answered in the form that its words ask for
    let json = wantsJson(this.argv)
    let redacts = false
    const warnings: Warning[] = []
    const abort = new AbortController()
    const abandon = new AbortController()
    let stoppedBy: NodeJS.Signals | undefined
    const onSignal = (signal: NodeJS.Signals): void => {
      stoppedBy ??= signal
      ;(abort.signal.aborted ? abandon : abort).abort()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    // a terminal that closes sends several: none of them means "do not wait"
    const onHangUp = (): void => {
      stoppedBy ??= 'SIGHUP'
      abort.abort()
    }
    process.on('SIGHUP', onHangUp)
    let kernel: Kernel | undefined
    let outcome: Outcome | undefined
    let error: TsmctlError | undefined
    try {
      const {host, json: asJson, redact = false} = await this.frameFlags()
      json = asJson
      redacts = redact
      kernel = this.usesHost
        ? await openHost(host, process.env, process.getuid?.() ?? 0, message =>
            warnings.push({code: 'host', message, subject: null}),
          )
        : undefined
      const progress = (line: string): void => {
        if (!json) talk(`${line}\n`)
      }
      outcome = await this.act({
        kernel: (kernel && this.announcesWaits ? announcingWaits(kernel, progress) : kernel) as Kernel,
        signal: abort.signal,
        abandon: abandon.signal,
        stoppedBy: () => stoppedBy,
        json,
        warn: (code, message, subject) => warnings.push({code, message, subject: subject ?? null}),
        progress,
      })
      error = outcome.error
    } catch (thrown) {
      error = asTsmctlError(thrown, abort.signal)
    } finally {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
      process.off('SIGHUP', onHangUp)
    }
    const host = kernel?.host ?? null
    kernel?.close()
    process.exitCode = error === undefined ? 0 : EXIT_CODES[error.kind]
    const hidden = redacts ? redactor(outcome?.data) : undefined
    if (hidden !== undefined)
      warnings.push({
        code: 'redacted',
        message: `redacted: ${hidden.count} identifying values are masked; equal values have equal labels`,
        subject: null,
      })
    const text = (from: string): string => hidden?.text(from) ?? from
    if (json) {
      const answer = envelope(this.commandName(), host, outcome?.data, warnings, error)
      emit(this.answerText((hidden?.json(answer) as typeof answer | undefined) ?? answer))
    } else {
      if (outcome) emit(text(outcome.text))
      for (const {message} of warnings) talk(text(`tsmctl: warning: ${message}\n`))
      if (error) talk(text(errorText(error)))
    }
  }

  /** What `--json` prints when the command has ended. */
  protected answerText(answer: Envelope): string {
    return envelopeText(answer)
  }

  /** `sim create` becomes `sim-create`. */
  private commandName(): string {
    return (this.id ?? 'unknown').replaceAll(/[: ]/g, '-')
  }

  private async frameFlags(): Promise<{host: string; json: boolean; redact?: boolean}> {
    const {flags} = await this.parse(this.constructor as typeof BaseCommand)
    return flags
  }

  #parsed: Promise<unknown> | undefined

  /** Parses once: the frame and the command ask for the same. */
  protected override parse = ((...input: Parameters<Command['parse']>) =>
    (this.#parsed ??= super.parse(...input))) as unknown as Command['parse']
}

/** Does a command line ask for JSON, as far as its words can tell? */
export const wantsJson = (argv: readonly string[]): boolean => argv.includes('--json') || argv.includes('-J')

/** What V8 says when a string would have more than half a gigabyte. */
const TOO_LONG = 'Invalid string length'

/** Usage errors of the parser and our own errors as they are; anything else is our bug, and says so. */
export function asTsmctlError(thrown: unknown, signal?: AbortSignal): TsmctlError {
  if (thrown instanceof TsmctlError) return thrown
  if (signal?.aborted)
    return new TsmctlError({kind: 'interrupted', attempted: 'finish', got: 'interrupted', cause: thrown})
  if (thrown instanceof Errors.CLIError)
    return new TsmctlError({
      kind: 'usage',
      attempted: 'understand this command line',
      // it repeats the words of the command line, whatever is in them
      got: printable(thrown.message.replace(/\n?See more help with --help\s*$/, '').replaceAll(/\s+/g, ' '), 512),
      hint: 'Run the command with --help to see what it takes.',
      cause: thrown,
    })
  if (thrown instanceof RangeError && thrown.message === TOO_LONG)
    return new TsmctlError({
      kind: 'unsupported',
      attempted: 'print the answer',
      got: 'it is longer than a text can be',
      hint: 'Ask for less at a time.',
      cause: thrown,
    })
  const detail = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return new TsmctlError({
    kind: 'bug',
    attempted: 'finish: this is a bug in tsmctl',
    got: printable(detail, 512),
    hint:
      process.env['TSMCTL_DEBUG'] && thrown instanceof Error ? thrown.stack : 'TSMCTL_DEBUG=1 adds the stack trace.',
    cause: thrown,
  })
}
