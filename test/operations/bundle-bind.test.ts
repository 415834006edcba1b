/** Evidence bound to its platform: the report carries the value, the item is gone afterwards, and nothing else is believed. */
import {describe, expect, it} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {
  type BoundEvidence,
  boundOf,
  boundToJson,
  bundleToJson,
  carriesBinding,
  freeze,
  platformBinding,
  strictJson,
} from '../../src/evidence/index.js'
import {ErrnoError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {openBundle} from '../../src/operations/bundle.js'
import {platformReport} from '../../src/operations/bundle-bind.js'
import {simKernel} from '../../src/sim/index.js'
import {FACTS, OBJECTS} from '../evidence/sample.js'
import {guest, guestDirectory, unhurried} from '../support/guest.js'

const REPORTS = '/sys/kernel/config/tsm/report'
const bundle = freeze(OBJECTS, FACTS)
const nonce = Uint8Array.of(1, 2, 3)

/** The guest's kernel, with something else happening at one of its calls. */
const guestWhere = async (change: (kernel: Kernel) => Partial<Kernel>): Promise<Kernel> => {
  const kernel = unhurried(await guestDirectory())
  return {...kernel, ...change(kernel)}
}

describe('the report of the platform', () => {
  it('carries D and the nonce, and leaves nothing behind', async () => {
    const {kernel} = await guest()
    const bound = await platformReport(kernel, bundle, nonce)
    expect(toHex(bound.platform.report)).toContain(toHex(platformBinding(bundle.digest, nonce)))
    expect(bound.platform.provider).toBe('tdx_guest')
    expect(carriesBinding(bound)).toBe(true)
    expect(kernel.list(REPORTS)).toEqual([])
  })

  it('is asked for again while the host is busy, and while somebody else writes to the item', async () => {
    let [busy, disturbed] = [2, 1]
    const kernel = await guestWhere(inner => ({
      query: async (path, signal) => {
        if (path.endsWith('/outblob') && busy-- > 0) throw new ErrnoError('EBUSY', 'read', path)
        if (path.endsWith('/outblob') && disturbed-- > 0)
          await inner.write(path.replace('outblob', 'inblob'), new Uint8Array(64))
        return inner.query(path, signal)
      },
    }))
    expect(carriesBinding(await platformReport(kernel, bundle, nonce))).toBe(true)
    expect([busy, disturbed]).toEqual([-2, -1])
  })

  it.each<[string, (kernel: Kernel) => Partial<Kernel>, string, RegExp]>([
    [
      'about something else',
      inner => ({query: async path => (await inner.query(path)).fill(0)}),
      'malformed',
      /does not carry/,
    ],
    [
      'that others always disturb',
      inner => ({
        query: async path => {
          await inner.write(path.replace('outblob', 'inblob'), new Uint8Array(64))
          return inner.query(path)
        },
      }),
      'busy',
      /3 times/,
    ],
    [
      'of a provider with a strange name',
      inner => ({read: path => (path.endsWith('/provider') ? new TextEncoder().encode('a;b\n') : inner.read(path))}),
      'malformed',
      /provider "a;b"/,
    ],
  ])('%s is refused', async (_, change, kind, why) => {
    const kernel = await guestWhere(change)
    await expect(platformReport(kernel, bundle, nonce)).rejects.toThrow(why)
    await expect(platformReport(kernel, bundle, nonce)).rejects.toMatchObject({kind})
    expect(kernel.list(REPORTS)).toEqual([])
  })

  it('is refused with an explanation where there is none, and to those who are not root', async () => {
    const directory = await guestDirectory()
    const anybody = simKernel(directory, {privileged: false})
    await expect(platformReport(anybody, bundle, nonce)).rejects.toMatchObject({kind: 'not-permitted', hint: /root/})
    const without = await guestWhere(() => ({
      makeDirectory: async path => {
        throw new ErrnoError('ENXIO', 'make', path)
      },
    }))
    await expect(platformReport(without, bundle, nonce)).rejects.toMatchObject({kind: 'unsupported', hint: /provider/})
    await expect(platformReport(simKernel(directory), bundle, nonce, AbortSignal.abort())).rejects.toMatchObject({
      kind: 'interrupted',
    })
  })
})

const read = (text: string) => boundOf(strictJson(text, 'it') as Record<string, unknown>)

describe('bound evidence', () => {
  const bound: BoundEvidence = {
    bundle,
    nonce,
    platform: {provider: 'sev_guest', report: new Uint8Array(1184), auxiliary: Uint8Array.of(5)},
  }
  type Json = Record<string, unknown>
  const edited = (change: (json: Json) => void): string => {
    const json = JSON.parse(boundToJson(bound)) as Json
    change(json)
    return JSON.stringify(json)
  }

  it('reads back as it was written, around the same D', async () => {
    const text = boundToJson(bound)
    expect(read(text)).toMatchObject({...bound, findings: []})
    const opened = await openBundle(new TextEncoder().encode(text))
    expect(opened).toMatchObject({form: 'bound', bundle: {digest: bundle.digest}})
  })

  it.each<[string, string, RegExp]>([
    ['an unknown label', edited(json => (json['x'] = 1)), /unknown label "x"/],
    [
      'another bundle',
      edited(json => (json['bundle'] = JSON.parse(bundleText({bundleId: 'ab'.repeat(16)})) as Json)),
      /not that of this bundle/,
    ],
    ['no binding', edited(json => delete json['binding']), /"binding" is not a triple/],
    [
      'another provider',
      edited(json => ((json['platform'] as string[])[0] = 'text/plain')),
      /media type is "text\/plain"/,
    ],
    [
      'a binding that says more',
      edited(json => ((json['binding'] as string[])[1] = url({nonce: '01', extra: 1}))),
      /not that of this bundle/,
    ],
    ['a binding without nonce', edited(json => ((json['binding'] as string[])[1] = url({}))), /no nonce/],
  ])('is refused with %s', (_, text, why) => {
    expect(() => read(text)).toThrow(why)
    expect(() => read(text)).toThrow(expect.objectContaining({kind: 'malformed'}))
  })

  it('is not whole when the report lacks the value', () => {
    expect(carriesBinding(bound)).toBe(false)
    const report = bound.platform.report.slice()
    report.set(platformBinding(bundle.digest, nonce), 0x50)
    expect(carriesBinding({...bound, platform: {provider: 'sev_guest', report}})).toBe(true)
    expect(carriesBinding({...bound, platform: {provider: 'arm_cca_guest', report}})).toBeUndefined()
  })
})

const url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const bundleText = (facts: object): string => bundleToJson(freeze(OBJECTS, {...FACTS, ...facts}))
