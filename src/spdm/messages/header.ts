/**
 * The four bytes every SPDM message starts with (DSP0274 "Generic SPDM message format"). Fields that only exist from
 * some version on depend on SPDMVersion itself; a context `{version}` makes any other SPDMVersion an error.
 */
import {type Context, layout, type Seen, u8} from '../../bits/index.js'
import {SPDM_CODE, SPDM_CODE_NAMES, SPDM_VERSION_NAMES, type SpdmMessageName} from './codes.js'

const spdmVersion = {
  spdmVersion: u8(0, 'SPDMVersion', {
    names: SPDM_VERSION_NAMES,
    is: (seen: Seen, context: Context) => context.version ?? (seen.spdmVersion as number),
  }),
}

/** Version and code of message `name`; Param1 and Param2 are described by each message. */
export const header = (name: SpdmMessageName) => ({
  ...spdmVersion,
  requestResponseCode: u8(1, 'RequestResponseCode', {names: SPDM_CODE_NAMES, is: SPDM_CODE[name]}),
})

/** Presence rule "since version". */
export const since =
  (version: number) =>
  (seen: Seen): boolean =>
    (seen.spdmVersion as number) >= version

export const SPDM_HEADER = layout(
  {id: 'spdm-header', name: 'SPDM message header', spec: 'DSP0274 1.3 §8.2'},
  {
    ...spdmVersion,
    requestResponseCode: u8(1, 'RequestResponseCode', {names: SPDM_CODE_NAMES}),
    param1: u8(2, 'Param1'),
    param2: u8(3, 'Param2'),
  },
)
