/** Bytes from a transport become one message with an end, or are refused with a reason a responder can answer. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {decodeSpdmMessage, SPDM_CODE_NAMES, type SpdmMessageFault, SpdmMessageError} from '../../src/spdm/index.js'

const DOE = {maxPadding: 3}

function faultOf(run: () => unknown): SpdmMessageFault | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(SpdmMessageError)
    return (error as SpdmMessageError).fault
  }
}

describe('refused', () => {
  it.each<[string, SpdmMessageFault, string, number?]>([
    ['nothing at all', 'short', ''],
    ['three bytes', 'short', '128100'],
    ['a code nobody defined', 'code', '12 89 00 00', 0x12],
    ['a response code nobody defined', 'code', '12 09 00 00', 0x12],
    ['a version that was not agreed', 'version', '13 81 00 00', 0x12],
    ['a version that does not exist', 'version', '15 e1 00 00'],
    ['GET_VERSION of another version', 'version', '12 84 00 00', 0x12],
    ['a body that is cut off', 'content', '12 82 00 00 0000', 0x12],
    ['a length that contradicts the body', 'content', '12 02 00 00 0500 0000 ab', 0x12],
    ['an ERROR ResponseNotReady without its data', 'content', '12 7f 42 00', 0x12],
    ['an ERROR LargeResponse without its handle', 'content', '12 7f 0f 00', 0x12],
    ['a byte behind the message', 'trailing', '12 81 00 00 01', 0x12],
    ['four zeros behind the message', 'trailing', '12 81 00 00 00000000', 0x12],
  ])('%s', (_, fault, hexText, version) => {
    const context = version === undefined ? {} : {version}
    expect(faultOf(() => decodeSpdmMessage(fromHex(hexText), context, DOE))).toBe(fault)
  })

  it('padding, where the transport adds none', () => {
    expect(faultOf(() => decodeSpdmMessage(fromHex('12 86 00 01 0200 0000')))).toBe('trailing')
  })
})

describe('accepted', () => {
  it.each([
    ['GET_VERSION in any connection', '10 84 00 00', 0x12, '10840000'],
    ['an ERROR from before a version was agreed', '10 7f 41 00', 0x12, '107f4100'],
    ['LargeResponse, padded', '14 7f 0f 00 01 000000', 0x14, '147f0f0001'],
    ['CHUNK_GET, padded', '12 86 00 01 0200 0000', 0x12, '128600010200'],
    ['a slot number, padded', '12 6b 00 02 01000000 03 000000', 0x12, '126b00020100000003'],
    ['padding stays in a field without length', '12 6a 01 00 12e10000 00000000', 0x12, '126a010012e1000000000000'],
  ])('%s', (_, hexText, version, end) => {
    const message = decodeSpdmMessage(fromHex(hexText), {version}, DOE)
    expect(toHex(message.bytes)).toBe(end)
  })

  it('the name tells the type of the value', () => {
    const message = decodeSpdmMessage(fromHex('12 e9 02 67'), {version: 0x12})
    expect(message.name === 'KEY_UPDATE' && message.value.tag).toBe(0x67)
  })

  it('later changes of the input change nothing', () => {
    const input = fromHex('12 e9 02 67')
    const message = decodeSpdmMessage(input)
    input.fill(0)
    expect(message.value).toMatchObject({tag: 0x67})
    expect(toHex(message.bytes)).toBe('12e90267')
  })
})

it('whatever a peer sends, it is a message or it is refused', () => {
  const codes = Object.keys(SPDM_CODE_NAMES).map(Number)
  const any = fc
    .tuple(fc.integer({min: 0x0f, max: 0x15}), fc.constantFrom(...codes, 0x7b), fc.uint8Array({maxLength: 120}))
    .map(([version, code, rest]) => Uint8Array.of(version, code, ...rest))
  fc.assert(
    fc.property(any, fc.constantFrom(0, 32, 48), fc.nat({max: 96}), (bytes, hashSize, signatureSize) => {
      try {
        const message = decodeSpdmMessage(bytes, {hashSize, signatureSize}, DOE)
        expect(SPDM_CODE_NAMES[bytes[1]!]).toBe(message.name)
        expect(bytes.length - message.bytes.length).toBeLessThanOrEqual(3)
      } catch (error) {
        expect(error).toBeInstanceOf(SpdmMessageError)
      }
    }),
    {numRuns: 2000},
  )
})
