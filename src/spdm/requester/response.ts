/** What every response is checked for before anything else (DSP0274 1.3 §8.2). */
import {type AnyLayout, DecodeError, hex} from '../../bits/index.js'
import {printable} from '../../errors.js'
import {decodeAs, type DecodedMessage, type MessageContext, SPDM_CODE_NAMES, SPDM_HEADER} from '../messages/index.js'
import type {Link} from './link.js'

/** RequestResponseCode, or undefined when there is not even a header. */
export const codeOf = (message: Uint8Array): number | undefined =>
  message.length < SPDM_HEADER.headSize ? undefined : message[1]

export const codeName = (code: number | undefined): string =>
  code === undefined ? 'less than a header' : (SPDM_CODE_NAMES[code] ?? `code ${hex(code, 2)}`)

/** Decodes `raw`, behind which up to `maxPadding` zero bytes may follow. Throws RequesterError `malformed` or `version`. */
export function decodeResponse<L extends AnyLayout>(
  link: Link,
  attempted: string,
  layout: L,
  raw: Uint8Array,
  context: MessageContext,
  maxPadding: number,
): DecodedMessage<L> {
  const [version] = raw
  if (context.version !== undefined && version !== undefined && version !== context.version)
    throw link.failure(
      attempted,
      'version',
      `${layout.name} has SPDMVersion ${hex(version, 2)} instead of ${hex(context.version, 2)}`,
    )
  try {
    return decodeAs(layout, raw, context, {maxPadding})
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw link.failure(attempted, 'malformed', printable(error.message, 300), {cause: error})
  }
}
