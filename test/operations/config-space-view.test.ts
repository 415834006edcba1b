import fc from 'fast-check'
import {expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {EXPRESS, EXTENDED_HEADER, TYPE0_HEADER} from '../../src/pci/index.js'
import {decode} from '../../src/operations/decode.js'

/** A device whose IDE capability begins where there is no room for it. */
const CRAMPED = new Uint8Array(4096)
CRAMPED.set(TYPE0_HEADER.encode({capabilitiesList: true, capabilitiesPointer: 0x40}))
CRAMPED.set(EXPRESS.encode({version: 2, teeIo: true}), 0x40)
CRAMPED.set(EXTENDED_HEADER.encode({id: 0x2e, version: 1, next: 0xffc}), 0x100)
CRAMPED.set(EXTENDED_HEADER.encode({id: 0x30, version: 1}), 0xffc)

it('any 4096 bytes are shown or refused by name, and quickly', async () => {
  const spaces = fc.oneof(
    fc.uint8Array({minLength: 4096, maxLength: 4096}),
    fc.array(fc.tuple(fc.nat({max: 4095}), fc.nat({max: 255})), {maxLength: 60}).map(edits => {
      const bytes = CRAMPED.slice()
      for (const [at, byte] of edits) bytes[at] = byte
      return bytes
    }),
    fc.constant(new Uint8Array(4096).fill(0xff)),
  )
  await fc.assert(
    fc.asyncProperty(spaces, async bytes => {
      const outcome = await decode('config-space', bytes).catch((error: unknown) => error)
      if (outcome instanceof DecodeError) return
      expect(outcome).toMatchObject({kind: 'config-space', text: expect.stringMatching(/^[\x20-\x7e§\n]*$/)})
    }),
    {numRuns: 300},
  )
})

it('an IDE capability without room is unknown, and the rest is shown', async () => {
  const {fields} = await decode('config-space', CRAMPED)
  expect(fields).toMatchObject({teeIo: true, ide: null, extendedCapabilities: {known: true}})
})
