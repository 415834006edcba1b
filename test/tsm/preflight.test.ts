/** The prediction of a connect: one spoilt fact at a time, in the order in which the kernel looks. */
import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {ABSENT, known, unknown} from '../../src/known.js'
import {CMA_SPDM, SECURED_CMA_SPDM} from '../../src/pci/index.js'
import {CHECKS, type ConnectFacts, predictConnect} from '../../src/tsm/index.js'
import {
  account,
  bridge,
  device,
  DEVICE,
  expressOf,
  facts,
  OTHER,
  port,
  present,
  ROOT_PORT,
  SEV,
  UNCONNECTED,
} from './host-facts.js'

const connected = (name: string): ConnectFacts =>
  facts({device: device({tsm: {...UNCONNECTED, connect: present(name)}})})
const hidden = (changes: Parameters<typeof device>[0]): ConnectFacts =>
  facts({device: device({...changes, tsm: {...UNCONNECTED, connect: ABSENT}})})
const atRootPort = (changes: Parameters<typeof port>[1]): ConnectFacts =>
  facts({account: account({ports: [port(ROOT_PORT, changes), port(DEVICE)]})})
const atDevice = (changes: Parameters<typeof port>[1]): ConnectFacts =>
  facts({account: account({ports: [port(ROOT_PORT), port(DEVICE, changes)]})})
const onBridge = (changes: Parameters<typeof bridge>[0]): ConnectFacts =>
  facts({account: account({bridges: [bridge(changes)]})})
/** Stream ID 1 is live in the root port next door; whether Linux found it there is another matter. */
const heldBy = (claimedIds: readonly number[]): ConnectFacts =>
  onBridge({slots: [0, 2], liveIds: new Map([[1, ['0000:00:02.0', '0000:02:00.0']]]), claimedIds})
const noSelective = known({promised: {link: 1, selective: 0}, selectiveStreams: []} as never)

/** Name, facts, the check that fails, errno, part of the reason. All of them with a TSM that makes streams. */
const FAILURES: [string, ConnectFacts, string, string, RegExp][] = [
  ['a virtual function', hidden({physfn: present('0000:01:00.3')}), 'interface', 'ENOENT', /DSM would be 0000:01:00.0/],
  [
    'another function',
    hidden({bdf: '0000:01:00.1', siblings: known(['0000:01:00.0'])}),
    'interface',
    'ENOENT',
    /only function 0.*0000:01:00.0/,
  ],
  ['a function without function 0', hidden({bdf: '0000:01:00.1'}), 'interface', 'ENOENT', /only function 0[^;]*$/],
  ['a conventional device', hidden({config: expressOf(undefined)}), 'interface', 'ENOENT', /not a PCI Express/],
  ['a root port', hidden({config: expressOf(4)}), 'interface', 'ENOENT', /root port/],
  ['a legacy endpoint', hidden({config: expressOf(1)}), 'interface', 'ENOENT', /legacy endpoint/],
  [
    'a plain device',
    hidden({config: expressOf(0, {teeIo: known(false), ide: known(undefined)})}),
    'interface',
    'ENOENT',
    /neither TEE-IO nor an IDE/,
  ],
  ['a device the kernel ignores', hidden({}), 'interface', 'ENOENT', /accepted neither/],
  [
    'no privilege',
    facts({uid: 1000, device: device({configBytes: known(new Uint8Array(64))})}),
    'privilege',
    'EACCES',
    /root/,
  ],
  ['the same TSM already', connected('tsm0'), 'not-connected', 'EBUSY', /connected to tsm0 already/],
  ['another TSM already', connected('tsm1'), 'not-connected', 'EBUSY', /connected to tsm1$/],
  ['an unknown TSM', facts({tsm: 'tsm7'}), 'tsm', 'ENXIO', /no TSM tsm7/],
  ['a guest-side TSM', facts({tsms: [{...SEV, mode: 'devsec'}]}), 'tsm', 'ENXIO', /not a host-side/],
  ['no mailbox', facts({device: device({doeFeatures: ABSENT})}), 'cma-spdm', 'ENXIO', /CMA-SPDM \(0001:01\)/],
  ['no CMA', facts({device: device({doeFeatures: present([SECURED_CMA_SPDM])})}), 'cma-spdm', 'ENXIO', /0001:01/],
  ['no secured CMA', facts({device: device({doeFeatures: present([CMA_SPDM])})}), 'secured-cma', 'EFAULT', /0001:02/],
  ['an upstream port', facts({device: device({config: expressOf(5)})}), 'endpoint', 'EFAULT', /upstream port/],
  ['an RC endpoint', facts({device: device({config: expressOf(9)})}), 'endpoint', 'EFAULT', /RC integrated/],
  ['no IDE in the device', facts({account: account({ports: [port(ROOT_PORT)]})}), 'ide-device', 'EFAULT', /no IDE/],
  ['only Link IDE in the device', atDevice({ide: noSelective}), 'ide-device', 'EFAULT', /no Selective/],
  ['ignored IDE in the device', atDevice({ignored: 'ID 3 was taken'}), 'ide-device', 'EFAULT', /ID 3 was taken/],
  ['no IDE in the root port', facts({account: account({ports: [port(DEVICE)]})}), 'ide-root-port', 'EFAULT', /no IDE/],
  ['only Link IDE in the root port', atRootPort({ide: noSelective}), 'ide-root-port', 'EFAULT', /no Selective/],
  ['ignored IDE in the root port', atRootPort({ignored: 'reserved ID'}), 'ide-root-port', 'EFAULT', /reserved ID/],
  [
    'no root port',
    facts({device: device({place: known({path: '', hostBridge: 'pci0000:00', ports: []})})}),
    'ide-root-port',
    'EFAULT',
    /no root port/,
  ],
  ['an empty pool', onBridge({available: present(0), slots: [0, 1]}), 'slot', 'EFAULT', /2 in use/],
  ['no block in the root port', atRootPort({free: known([])}), 'block-root-port', 'EFAULT', /root port 0000:00:01.0/],
  ['no block in the device', atDevice({free: known([])}), 'block-device', 'EFAULT', /endpoint 0000:01:00.0/],
  ['a held Stream ID', heldBy([1]), 'stream-id', 'EBUSY', /next Stream ID.* is 1.*0000:00:02.0, 0000:02:00.0/],
  [
    'the reserved Stream ID',
    onBridge({slots: Array.from({length: 255}, (_, slot) => slot), available: present(1)}),
    'stream-id',
    'EBUSY',
    /255, which Linux reserves/,
  ],
]

/** What cannot be read leaves the prediction open. */
const UNKNOWNS: [string, ConnectFacts, string][] = [
  [
    'tsm/connect',
    facts({device: device({tsm: {...UNCONNECTED, connect: {present: true, value: unknown('EIO')}}})}),
    'not-connected',
  ],
  ['privilege', facts({device: device({configBytes: known(new Uint8Array(64))})}), 'privilege'],
  ['which of two TSMs is one', facts({tsms: [SEV, {...SEV, tsm: 'tsm1'}]}), 'tsm'],
  ['DOE features', facts({device: device({doeFeatures: {present: true, value: unknown('EACCES')}})}), 'cma-spdm'],
  ['port type', facts({device: device({config: unknown('64 bytes')})}), 'endpoint'],
  ['IDE of the device', atDevice({ide: unknown('64 bytes')}), 'ide-device'],
  ['IDE of the root port', atRootPort({ide: unknown('64 bytes')}), 'ide-root-port'],
  ['place', facts({device: device({place: unknown('no link')})}), 'slot'],
  ['pool', onBridge({available: ABSENT}), 'slot'],
  ['free blocks of the root port', atRootPort({free: unknown('links')}), 'block-root-port'],
  ['registers below the bridge', onBridge({unread: ['0000:07:00.0']}), 'stream-id'],
  ['whether Linux knows of a live Stream ID', heldBy([]), 'stream-id'],
  ['power', facts({device: device({powerState: present('D3hot')})}), 'power'],
]

const ORDER = CHECKS.map(({id}) => id)
const checkOf = (given: ConnectFacts, id: string) => predictConnect(given).checks.find(check => check.id === id)!

describe('the prediction', () => {
  it('is success where nothing speaks against it', () => {
    const {checks, verdict} = predictConnect(facts())
    expect(verdict).toMatchObject({outcome: 'will-succeed', errno: null})
    expect(new Set(checks.map(({result}) => result))).toEqual(new Set(['pass']))
  })

  it.each(FAILURES)('%s', (_, given, check, errno, reason) => {
    const {checks, verdict} = predictConnect(given)
    expect(verdict).toMatchObject({outcome: 'will-fail', check, errno})
    const found = checks.find(({id}) => id === check)!
    expect(found.reason).toMatch(reason)
    expect(found.remedy).toBeTruthy()
    // nothing before it fails: this is where the kernel stops
    const before = checks.slice(0, ORDER.indexOf(check))
    expect(before.filter(({result}) => result === 'fail')).toEqual([])
  })

  it('every check has a case in which it fails, but for what only the device can tell', () => {
    const covered = new Set(FAILURES.map(([, , check]) => check))
    expect(ORDER.filter(id => !covered.has(id))).toEqual(['power', 'driver'])
  })

  it.each(UNKNOWNS)('is open when %s is not known', (_, given, check) => {
    const found = checkOf(given, check)
    expect(found).toMatchObject({result: 'unknown', errno: null})
    expect(predictConnect(given).verdict.outcome).toBe('unknown')
  })

  it('a virtual function of another slot leads to function 0 of that slot', () => {
    expect(checkOf(hidden({bdf: '0000:01:02.1', physfn: present('0000:01:00.3')}), 'interface').remedy).toBe(
      'Connect 0000:01:00.0.',
    )
  })

  it.each([
    ['the device', atDevice({ignored: 'ID 3 was taken'}), 'ide-device', DEVICE],
    ['the root port', atRootPort({ignored: 'reserved ID'}), 'ide-root-port', ROOT_PORT],
  ])('does not ask for more IDE where Linux ignores what %s has', (_, given, check, bdf) => {
    expect(checkOf(given, check).remedy).toContain(`tsmctl ide show ${bdf}`)
    expect(checkOf(given, check).remedy).not.toMatch(/firmware may have to enable/)
  })

  it('does not call a legacy endpoint a port', () => {
    expect(checkOf(hidden({config: expressOf(1)}), 'interface').remedy).not.toMatch(/ports/)
    expect(checkOf(hidden({config: expressOf(4)}), 'interface').remedy).toMatch(/ports/)
  })

  it('mentions a driver that ends sessions unseen', () => {
    expect(checkOf(facts({device: device({driver: known('vfio-pci')})}), 'driver').reason).toMatch(/resets/)
  })

  it('escapes what it repeats', () => {
    const given = connected('tsm1\u001b[31m')
    expect(JSON.stringify(predictConnect(given).checks)).not.toContain('\\u001b')
  })
})

it('the guide has a row for every check, with its errno', () => {
  const guide = readFileSync(new URL('../../docs/connecting-devices.md', import.meta.url), 'utf8')
  const rows = [...guide.matchAll(/^\| `([a-z-]+)` +\| `([A-Z]+)` +\| (yes)?/gm)].map(([, id, errno, firm]) => [
    id,
    errno,
    firm,
  ])
  expect(rows).toEqual(CHECKS.map(({id, errno, firm}) => [id, errno, firm && 'yes']))
})

describe('a TSM of which it is not known whether it makes streams', () => {
  const STREAMS_ONLY = new Set(ORDER.slice(ORDER.indexOf('cma-spdm')))

  it.each(FAILURES.filter(([, , check]) => STREAMS_ONLY.has(check)))('only warns: %s', (_, given, check, errno) => {
    const {checks, verdict} = predictConnect({...given, tsms: [OTHER]})
    expect(verdict).toMatchObject({outcome: 'unknown', check: null})
    expect(checks.find(({id}) => id === check)).toMatchObject({result: 'warn', errno})
  })

  it.each(FAILURES.filter(([, , check]) => !STREAMS_ONLY.has(check)))('still refuses: %s', (_, given, check) => {
    const tsms = given.tsms.map(({mode}) => ({...OTHER, mode}))
    expect(predictConnect({...given, tsms}).verdict).toMatchObject({outcome: 'will-fail', check})
  })
})

describe('a TSM that is seen to have made streams', () => {
  const made = [{name: 'stream0.0.0'}] as unknown as ConnectFacts['account']['streams']
  const ROOM: readonly string[] = ['slot', 'block-root-port', 'block-device']
  const seen = (given: ConnectFacts, tsms = [OTHER]) =>
    predictConnect({...given, tsms, account: {...given.account, streams: made}}).verdict

  it.each(FAILURES.filter(([, , check]) => ROOM.includes(check)))(
    'will want one more: %s',
    (_, given, check, errno) => {
      expect(seen(given)).toMatchObject({outcome: 'will-fail', check, errno, firm: false})
      // of two nobody knows which one made them
      expect(seen(given, [OTHER, {...OTHER, tsm: 'tsm1'}]).outcome).toBe('unknown')
    },
  )

  it('may still connect a device without IDE', () => {
    const without = FAILURES.filter(([, , check]) => check === 'ide-device' || check === 'ide-root-port')
    expect(without.length).toBeGreaterThan(1)
    for (const [, given] of without) expect(seen(given).outcome).toBe('unknown')
  })
})

describe('two spoilt facts at once', () => {
  const base = JSON.stringify(facts().account.ports)
  const ofDevice = FAILURES.filter(
    ([, {tsm, tsms, account: ide}]) => tsm === 'tsm0' && tsms[0] === SEV && JSON.stringify(ide.ports) === base,
  )
  const ofStreams = FAILURES.filter(([, {account: ide}]) => JSON.stringify(ide.ports) !== base)

  it.each(ofDevice)('%s: the first in the order of the kernel decides', (_, given, check) => {
    expect(ofStreams.length).toBeGreaterThan(5)
    for (const [, {account: ide}, other] of ofStreams) {
      const {verdict} = predictConnect({...given, account: {...ide, bridges: given.account.bridges}})
      const first = Math.min(ORDER.indexOf(check), ORDER.indexOf(other))
      // without IDE at one end no stream is looked for, whatever else is wrong with its ID
      expect(verdict.check).toBe(ORDER[first])
    }
  })
})
