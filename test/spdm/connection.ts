/** A made-up connection for tests: negotiation and measurement messages of any version. */
import {concat, type Encodable} from '../../src/bits/index.js'
import {
  ALGORITHMS,
  asymNamed,
  CAPABILITIES,
  GET_CAPABILITIES,
  GET_MEASUREMENTS,
  GET_VERSION,
  hashNamed,
  maskOf,
  MEASUREMENT_HASH,
  MEASUREMENTS,
  NEGOTIATE_ALGORITHMS,
  VERSION,
} from '../../src/spdm/index.js'

type Given<L extends {encode: (values: never, context?: never) => Uint8Array}> = Parameters<L['encode']>[0]

export interface Negotiation {
  readonly version: number
  readonly offered?: readonly number[]
  readonly algorithms?: Given<typeof ALGORITHMS>
  readonly negotiate?: Given<typeof NEGOTIATE_ALGORITHMS>
}

export const P384 = asymNamed('ecdsa-p384')!
export const SHA384 = hashNamed('sha384')!
const MEASUREMENT_SHA384 = MEASUREMENT_HASH.find(({name}) => name === 'sha384')!

const entry = (version: number) => ({majorVersion: version >>> 4, minorVersion: version & 0xf})

/** The six messages. */
export function negotiation({
  version,
  offered = [version],
  algorithms = {},
  negotiate = {},
}: Negotiation): Uint8Array[] {
  const context = {version}
  const flags = {certCap: true, measCap: 2, keyExCap: true, encryptCap: true, macCap: true}
  const structures = version < 0x11 ? [] : [{algType: 3, algSupported: 2}]
  return [
    GET_VERSION.encode({spdmVersion: 0x10}),
    VERSION.encode({versionNumberEntries: offered.map(entry)}),
    GET_CAPABILITIES.encode(version < 0x11 ? {} : {flags: {certCap: true}, ctExponent: 0}, context),
    CAPABILITIES.encode({flags}, context),
    NEGOTIATE_ALGORITHMS.encode(
      {
        measurementSpecification: 1,
        baseAsymAlgo: maskOf(P384),
        baseHashAlgo: maskOf(SHA384),
        algStructures: structures,
        ...negotiate,
      },
      context,
    ),
    ALGORITHMS.encode(
      {
        measurementSpecificationSel: 1,
        measurementHashAlgo: maskOf(MEASUREMENT_SHA384),
        baseAsymSel: maskOf(P384),
        baseHashSel: maskOf(SHA384),
        algStructures: structures,
        ...algorithms,
      },
      context,
    ),
  ]
}

export const vcaBytes = (given: Negotiation): Uint8Array => concat(...negotiation(given))

type Blocks = NonNullable<Encodable<(typeof MEASUREMENTS)['fields']>['measurementRecord']>

/** A DMTF block: digest unless `raw`. */
export const block = (index: number, type: number, value: Uint8Array, raw = false): Blocks[number] => ({
  index,
  measurementSpecification: 1,
  measurement: concat(Uint8Array.of(type + (raw ? 0x80 : 0), value.length & 0xff, value.length >>> 8), value),
})

export const digest = (fill: number): Uint8Array => new Uint8Array(48).fill(fill)

/** A request and its response; the signature is zero unless given. */
export function exchange(
  version: number,
  request: Given<typeof GET_MEASUREMENTS>,
  response: Given<typeof MEASUREMENTS>,
): Uint8Array {
  const signed = request.signatureRequested === true
  return concat(
    GET_MEASUREMENTS.encode(request, {version}),
    MEASUREMENTS.encode(response, {version, signatureSize: signed ? P384.signatureSize : 0}),
  )
}
