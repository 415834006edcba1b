import {fileURLToPath} from 'node:url'
import {Errors, run} from '@oclif/core'
import {asTsmctlError, wantsJson} from './cli/base-command.js'
import {emit, talk} from './cli/emit.js'
import {envelope, envelopeText, errorText} from './cli/envelope.js'
import {EXIT_CODES, TsmctlError} from './errors.js'

/** What never reached a command: no such command, or oclif itself in trouble. */
function report(thrown: unknown): void {
  if (thrown instanceof Errors.ExitError && thrown.oclif.exit === 0) return
  const known = asTsmctlError(thrown)
  const error =
    known.kind === 'usage'
      ? new TsmctlError({
          kind: 'usage',
          attempted: 'understand this command line',
          got: known.got,
          hint: 'tsmctl --help lists the commands.',
        })
      : known
  process.exitCode = EXIT_CODES[error.kind]
  if (wantsJson(process.argv)) emit(envelopeText(envelope('error', null, null, [], error)))
  else talk(errorText(error))
}

// no plugins of the user's: this runs as root, and looking for them warns where HOME cannot be read
const options = {root: fileURLToPath(import.meta.url), userPlugins: false, devPlugins: false}
/** Settled when the command has ended. Not awaited here: a closed stdout must not turn into exit 13, "unsettled await". */
export const ended = run(process.argv.slice(2), options).catch(report)
