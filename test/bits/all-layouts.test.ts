/** Properties every registered layout has: a new layout is covered by being registered. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type Context, DecodeError, describe as print, equal, findings, markdown} from '../../src/bits/index.js'
import {ALL_LAYOUTS} from '../../src/operations/layouts.js'
import {isOpenEnded, sample} from '../support/sample-layout.js'
import {runs} from '../support/runs.js'

const cases = ALL_LAYOUTS.flatMap(layout =>
  (layout.contexts ?? [{}]).map((context: Context) => ({
    name: `${layout.id} ${JSON.stringify(context)}`,
    layout,
    context,
  })),
)

/** Drawn once for all layouts: drawing them costs more than decoding them. What fails says its bytes. */
const RANDOM = fc.sample(fc.uint8Array({maxLength: 300}), 200)

/** The bytes decode to a value that encodes to the same bytes, or are refused with a DecodeError. */
function decodesExactlyOrIsRefused(layout: (typeof ALL_LAYOUTS)[number], bytes: Uint8Array, context: Context): void {
  let value: ReturnType<typeof layout.decode>
  try {
    value = layout.decode(bytes, context)
  } catch (error) {
    if (error instanceof DecodeError) return
    throw new Error(`decoding ${Buffer.from(bytes).toString('hex')}`, {cause: error})
  }
  if (!equal(layout.encode(value, context), bytes))
    throw new Error(`not canonical: ${Buffer.from(bytes).toString('hex')}`)
}

function isRefused(layout: (typeof ALL_LAYOUTS)[number], bytes: Uint8Array, context: Context): boolean {
  try {
    layout.decode(bytes, context)
    return false
  } catch (error) {
    if (error instanceof DecodeError) return true
    throw error
  }
}

it('ids are unique and say what tsmctl decode calls them', () => {
  const ids = ALL_LAYOUTS.map(layout => layout.id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
})

describe.each(cases)('$name', ({layout, context}) => {
  const bytes = fc.gen().map(draw =>
    layout.encode(
      sample(layout, context, arbitrary => draw(() => arbitrary)),
      context,
    ),
  )

  it('round-trips, and prints every field', () => {
    const property = fc.property(bytes, input => {
      const value = layout.decode(input, context)
      JSON.stringify(value)
      findings(layout, value)
      const isSame = equal(layout.encode(value, context), input)
      return isSame && print(layout, value).length > layout.name.length
    })
    expect(() => fc.assert(property, {numRuns: runs(20)})).not.toThrow()
  })

  it('refuses every truncation and every one-byte extension', () => {
    const property = fc.property(bytes, input => {
      for (let length = 0; length < input.length; length++) {
        const prefix = input.subarray(0, length)
        if (isOpenEnded(layout)) decodesExactlyOrIsRefused(layout, prefix, context)
        else if (!isRefused(layout, prefix, context)) throw new Error(`takes ${length} of ${input.length} bytes`)
      }
      const longer = new Uint8Array(input.length + 1)
      longer.set(input)
      if (isOpenEnded(layout)) decodesExactlyOrIsRefused(layout, longer, context)
      else if (!isRefused(layout, longer, context)) throw new Error('takes a byte more')
    })
    expect(() => fc.assert(property, {numRuns: runs(5)})).not.toThrow()
  })

  it('a flipped bit, or random bytes, either decode exactly or are refused by name and place', () => {
    const property = fc.property(bytes, input => {
      for (let i = 0; i < Math.min(input.length * 8, 512); i++) {
        const flipped = input.slice()
        flipped[i >>> 3]! ^= 1 << (i & 7)
        decodesExactlyOrIsRefused(layout, flipped, context)
      }
    })
    expect(() => fc.assert(property, {numRuns: runs(3)})).not.toThrow()
    for (const input of RANDOM) decodesExactlyOrIsRefused(layout, input, context)
  })

  it('documents itself', () => {
    const text = markdown(layout)
    for (const key of Object.keys(layout.fields)) expect(text).toContain(`\`${key}\``)
    expect(layout.spec).not.toBe('')
  })
})
