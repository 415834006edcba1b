/** Predictions on captures of a real kernel, against the answers that kernel then gave. */
import {existsSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {connect, disconnect} from '../../src/operations/index.js'
import {probe} from '../../src/tsm/index.js'

const DATA = new URL('../../../shared/data/sysfs/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data/sysfs)'
const open = (name: string) => openReplay(fileURLToPath(new URL(`${name}.json`, DATA)))
const dry = (capture: string, bdf: string) => connect(open(capture), bdf, {dryRun: true})

describe.skipIf(MISSING !== '')(`connecting on captures${MISSING}`, () => {
  it.each([
    ['stock-6.12', 'no-core'],
    ['0-stock', 'no-provider'],
    ['1-no-tsm', 'no-provider'],
    ['2-tsm-loaded', 'host'],
    ['3-connected', 'host'],
    ['5-disconnected', 'host'],
    ['6-devsec-loaded', 'guest'],
    ['8-run', 'guest'],
    ['9-tvm', 'no-provider'],
  ])('probes %s as %s', async (capture, profile) => {
    const found = await probe(open(capture))
    expect(found).toMatchObject({profile, generation: profile === 'guest' ? 'unknown' : null})
    if (profile === 'host') expect(found.tsms).toMatchObject([{words: 'platform device tsmtest_link'}])
  })

  // all four connected; 02:00.0 without IDE, through a TSM that made no stream for it
  it.each([
    ['0000:01:00.0', 'will-succeed'],
    ['0000:02:00.0', 'unknown'],
    ['0000:05:00.0', 'will-succeed'],
    ['0000:41:00.0', 'will-succeed'],
  ])('predicts %s: %s', async (bdf, outcome) => {
    const {preflight, writes, failure} = await dry('2-tsm-loaded', bdf)
    expect(preflight.verdict.outcome).toBe(outcome)
    expect(writes).toEqual([expect.objectContaining({path: `/sys/bus/pci/devices/${bdf}/tsm/connect`, value: 'tsm0'})])
    expect(failure).toBeNull()
  })

  it.each([
    ['2-tsm-loaded', '0000:00:03.0', /root port/],
    ['2-tsm-loaded', '0000:02:00.1', /only function 0.*0000:02:00\.0/],
    ['3-connected', '0000:01:00.1', /virtual function.*0000:01:00\.0/],
  ])('%s: the kernel offers nothing for %s', async (capture, bdf, reason) => {
    const {preflight, failure, writes} = await dry(capture, bdf)
    expect(preflight.verdict).toMatchObject({outcome: 'will-fail', check: 'interface', errno: 'ENOENT', firm: true})
    expect(failure).toMatchObject({kind: 'unsupported', got: expect.stringMatching(reason) as string})
    expect(writes).toEqual([])
  })

  it('finds what is connected, with its streams at both ends', async () => {
    const {changed, before, failure} = await connect(open('3-connected'), '0000:05:00.0')
    expect({changed, failure}).toEqual({changed: false, failure: null})
    expect(before).toMatchObject({
      tsm: 'tsm0',
      dsm: '0000:05:00.0',
      pool: {bridge: 'pci0000:00', available: 0, size: 2},
      streams: [
        {
          name: 'stream1.0.0',
          streamId: 1,
          state: 'secure',
          rootPort: {bdf: '0000:00:05.0', block: 0, enabled: true},
          endpoint: {bdf: '0000:05:00.0', block: 0, enabled: true},
        },
      ],
    })
    const two = await connect(open('3-connected'), '0000:01:00.0')
    expect(two.before.subfunctions.map(({bdf}) => bdf)).toEqual(['0000:01:00.1', '0000:01:00.2'])
  })

  it('will not take a bound device from its guest', async () => {
    const bound = await disconnect(open('4-bound'), '0000:01:00.0', {dryRun: true})
    expect(bound.failure).toMatchObject({
      kind: 'busy',
      got: expect.stringContaining('0000:01:00.0 (bound by tsm0)') as string,
    })
    const forced = await disconnect(open('4-bound'), '0000:01:00.0', {dryRun: true, force: true})
    expect(forced).toMatchObject({failure: null, tsm: 'tsm0'})
    expect(forced.writes).toHaveLength(1)
  })

  it('has nothing to disconnect where nothing is connected', async () => {
    expect(await disconnect(open('5-disconnected'), '0000:01:00.0')).toMatchObject({changed: false, tsm: null})
  })

  it.each([
    ['1-no-tsm', 'unsupported', /No TSM yet/],
    ['stock-6.12', 'unsupported', /no TSM core/],
  ])('says why there is nothing to connect to: %s', async (capture, kind, got) => {
    await expect(dry(capture, '0000:01:00.0')).rejects.toMatchObject({kind, got: expect.stringMatching(got) as string})
  })

  it('cannot change a recording', async () => {
    await expect(connect(open('2-tsm-loaded'), '0000:01:00.0')).rejects.toMatchObject({
      kind: 'not-permitted',
      details: {key: 'read-only'},
    })
  })
})
