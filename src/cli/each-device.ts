/** One operation over several devices: every device is tried, each result is kept, the first failure is the outcome. */
import {TsmctlError} from '../errors.js'
import {asTsmctlError, type Outcome} from './base-command.js'
import {envelopeError, errorText} from './envelope.js'

export async function eachDevice<R>(
  bdfs: readonly string[],
  act: (bdf: string) => Promise<R>,
  textOf: (result: R) => string,
): Promise<Outcome> {
  const devices: unknown[] = []
  const texts: string[] = []
  let first: TsmctlError | undefined
  for (const bdf of bdfs) {
    try {
      // one device after the other: each is a transition of its own, and the TSM serialises them anyway
      // oxlint-disable-next-line no-await-in-loop
      const result = await act(bdf)
      devices.push({bdf, ok: true, result, error: null})
      texts.push(textOf(result))
    } catch (thrown) {
      const error = asTsmctlError(thrown)
      devices.push({bdf, ok: false, result: null, error: envelopeError(error)})
      if (bdfs.length > 1) texts.push(errorText(error))
      first ??= error
      if (error.kind === 'interrupted') break
    }
  }
  return {data: {devices}, text: texts.join(''), error: first}
}
