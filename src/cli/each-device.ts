/** One operation over several devices: every device is tried, each result is kept, the first failure is the outcome. */
import {TsmctlError} from '../errors.js'
import {asTsmctlError, type Outcome} from './base-command.js'
import {envelopeError, errorText} from './envelope.js'

/** A result may itself say that the answer is no. */
interface Failing {
  readonly failure?: TsmctlError | null
}

export async function eachDevice<R extends object>(
  bdfs: readonly string[],
  act: (bdf: string) => Promise<R>,
  textOf: (result: R) => string,
): Promise<Outcome> {
  const devices: unknown[] = []
  const texts: string[] = []
  let first: TsmctlError | undefined
  let failed = 0
  for (const bdf of bdfs) {
    try {
      // one device after the other: each is a transition of its own, and the TSM serialises them anyway
      // oxlint-disable-next-line no-await-in-loop
      const result = await act(bdf)
      const {failure = null} = result as Failing
      devices.push({bdf, ok: failure === null, result: plain(result), error: failure && envelopeError(failure)})
      texts.push(textOf(result))
      if (failure === null) continue
      first ??= failure
      failed++
      if (failure.kind === 'interrupted') break
    } catch (thrown) {
      const error = asTsmctlError(thrown)
      devices.push({bdf, ok: false, result: null, error: envelopeError(error)})
      if (bdfs.length > 1) texts.push(errorText(error))
      first ??= error
      failed++
      if (error.kind === 'interrupted') break
    }
  }
  return {data: {devices}, text: texts.join(''), error: summary(bdfs.length, devices.length, failed, first)}
}

/** The result as JSON shows it: the failure is in `error`. */
const plain = (result: object): object => {
  const {failure: _, ...rest} = result as Failing
  return rest
}

/** For one device its own failure; for several their number, with the kind of the first, and how many were left alone. */
function summary(all: number, tried: number, failed: number, first: TsmctlError | undefined): TsmctlError | undefined {
  if (first === undefined || all === 1) return first
  const untried = tried === all ? '' : `; ${all - tried} not begun`
  return new TsmctlError({
    kind: first.kind,
    attempted: 'finish all devices',
    got: `${failed} of ${all} failed, the first: ${first.subject ?? first.attempted}${untried}`,
    cause: first,
  })
}
