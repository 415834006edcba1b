/** The providers: what is asked, how often, and what becomes of every refusal. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {DEVICE_EVIDENCE, stringOf, u32Of} from '../../src/kernel/index.js'
import {chooseProvider, type EvidenceProvider, none, pciTsm} from '../../src/tsm/index.js'
import {
  type Asked,
  G2_FAMILY,
  g2Messages,
  type Objects,
  P2_FAMILY,
  p2Messages,
  type Script,
  scripted,
} from './evidence-messages.js'

const BDF = '10000:01:00.0'
const NONCE = Uint8Array.from({length: 32}, (_, i) => i)
const OBJECTS: Objects = new Map([
  ['cert0', Uint8Array.of(1, 2, 3, 4, 5)],
  ['measurements', Uint8Array.of(6)],
])
const DIGESTS: Objects = new Map([...OBJECTS].map(([label, bytes]) => [label, new Uint8Array(48).fill(bytes[0]!)]))

const p2 =
  (data = 7, digests = data) =>
  (asked: Asked): Uint8Array[] =>
    asked.digests ? p2Messages(DIGESTS, 16, digests) : p2Messages(OBJECTS, 2, data)
const g2 = ({digests}: Asked): Uint8Array[] => g2Messages(digests ? DIGESTS : OBJECTS, 3)

async function opened(script: Script): Promise<{provider: EvidenceProvider} & ReturnType<typeof scripted>> {
  const {kernel, log} = scripted(script)
  return {provider: await chooseProvider(kernel), kernel, log}
}

/** The TsmctlError of a promise. */
async function failure(promise: Promise<unknown>): Promise<TsmctlError> {
  const error = await promise.then(
    () => undefined,
    (found: unknown) => found,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

describe('choosing', () => {
  it.each<[string, Script, object]>([
    ['the newer family first', {families: [G2_FAMILY, P2_FAMILY]}, {kind: 'device-evidence', abi: 'device-evidence/1'}],
    ['pci-tsm', {families: [G2_FAMILY]}, {kind: 'pci-tsm', abi: 'pci-tsm/1', validate: null}],
    ['none', {families: []}, {kind: 'none', abi: 'none', validate: null}],
    [
      'a family without validate',
      {families: [{...P2_FAMILY, commands: new Set([1])}]},
      {abi: 'device-evidence/1', validate: null},
    ],
    [
      'a policy that takes 32 bytes of nonce',
      {families: [{...P2_FAMILY, policy: new Map([[6, 32]])}]},
      {abi: 'device-evidence/1'},
    ],
    ['a policy without limit', {families: [{...P2_FAMILY, policy: new Map([[6, null]])}]}, {abi: 'device-evidence/1'}],
  ])('takes %s', async (_, script, expected) => {
    expect((await opened(script)).provider).toMatchObject(expected)
  })

  it.each<[string, Script, string]>([
    ['version', {families: [{...P2_FAMILY, version: 2}, G2_FAMILY]}, 'device-evidence/2 (unknown version)'],
    ['version 0', {families: [{...G2_FAMILY, version: 0}]}, 'pci-tsm/0 (unknown version)'],
    [
      'set of commands',
      {families: [{...P2_FAMILY, commands: new Set([2])}]},
      'device-evidence/1 (no dump of evidence)',
    ],
    [
      'short nonce',
      {families: [{...P2_FAMILY, policy: new Map([[6, 16]])}]},
      'device-evidence/1 (nonce of at most 16 bytes)',
    ],
    ['policy without nonce', {families: [{...P2_FAMILY, policy: new Map([[2, 4]])}]}, 'device-evidence/1 (no nonce)'],
  ])('does not guess at an unknown %s, and asks it nothing', async (_, script, abi) => {
    const {provider, kernel, log} = await opened(script)
    expect(provider.abi).toBe(abi)
    const collected = await provider.collect(kernel, BDF, NONCE)
    expect(collected).toMatchObject({abi, generations: null, nonceTaken: false})
    expect(collected.objects.size + (await provider.readDigests(kernel, BDF)).digests.size).toBe(0)
    expect(log).toEqual([])
  })

  it('does not take a kernel that cannot be asked for one without evidence', async () => {
    expect((await failure(opened({families: [], refused: 'EPERM'}))).kind).toBe('not-permitted')
  })

  it('remembers nothing: a family that comes or goes is seen', async () => {
    const families = [G2_FAMILY]
    const {kernel} = scripted({families})
    expect((await chooseProvider(kernel)).kind).toBe('pci-tsm')
    families.pop()
    expect((await chooseProvider(kernel)).kind).toBe('none')
  })
})

describe.each([
  ['pci-tsm', G2_FAMILY, g2, null],
  ['device-evidence', P2_FAMILY, p2(), [7, 7]],
] as const)('collecting through %s', (name, family, dump, generations) => {
  it('is one dump with the nonce and one of digests without', async () => {
    const {provider, kernel, log} = await opened({families: [family], dump})
    const collected = await provider.collect(kernel, BDF, NONCE)
    expect(collected).toMatchObject({provider: name, objects: OBJECTS, digests: DIGESTS, generations, nonceTaken: true})
    expect(log.map(({digests, nonce}) => [digests, nonce])).toEqual([
      [false, NONCE],
      [true, undefined],
    ])
  })

  it.each(['EAGAIN', 'EINTR', 'ENOBUFS', 'ESTALE'])('starts again after %s, five times', async errno => {
    const failing = (times: number) => {
      let left = times
      return opened({families: [family], dump: request => (left-- > 0 ? errno : dump(request))})
    }
    const patient = await failing(5)
    expect((await patient.provider.collect(patient.kernel, BDF, NONCE)).objects).toEqual(OBJECTS)
    expect(patient.log.slice(0, 6).every(({nonce}) => nonce !== undefined)).toBe(true)
    const tired = await failing(6)
    expect((await failure(tired.provider.collect(tired.kernel, BDF, NONCE))).message).toContain(errno)
    expect(tired.log).toHaveLength(6)
  })

  it('does not start again once it was interrupted', async () => {
    const {provider, kernel, log} = await opened({families: [family], dump: () => 'EINTR'})
    expect((await failure(provider.collect(kernel, BDF, NONCE, AbortSignal.abort()))).kind).toBe('interrupted')
    expect(log).toHaveLength(1)
  })

  it('takes evidence without the nonce where the provider refuses one, and says so', async () => {
    const {provider, kernel, log} = await opened({
      families: [family],
      dump: request => (request.nonce === undefined ? dump(request) : 'EOPNOTSUPP'),
    })
    expect(await provider.collect(kernel, BDF, NONCE)).toMatchObject({objects: OBJECTS, nonceTaken: false})
    expect(log).toHaveLength(3)
  })

  it.each([
    ['ENOENT', 'unsupported', /module/],
    ['EPERM', 'not-permitted', /CAP_NET_ADMIN/],
    ['ENXIO', 'not-found', /lock first/],
    ['ENODEV', 'not-found', /vanished/],
    ['EINVAL', 'unsupported', /does not understand/],
    ['EOPNOTSUPP', 'unsupported', /no evidence of PCI/],
    ['ENOMEM', 'unsupported', undefined],
  ] as const)('explains %s', async (errno, kind, hint) => {
    const {provider, kernel} = await opened({families: [family], dump: () => errno})
    const error = await failure(provider.collect(kernel, BDF, NONCE))
    expect(error).toMatchObject({kind, subject: BDF, attempted: `read evidence of ${BDF}`})
    expect(error.message).toContain(errno)
    if (hint !== undefined) expect(error.hint).toMatch(hint)
  })
})

describe('device-evidence', () => {
  it('names subsystem and device', async () => {
    const {provider, kernel, log} = await opened({families: [P2_FAMILY], dump: p2()})
    await provider.readDigests(kernel, BDF)
    const {subsystem, deviceName} = DEVICE_EVIDENCE.attribute
    const texts = log[0]!.attributes.filter(({type}) => type === subsystem || type === deviceName).map(stringOf)
    expect(texts).toEqual(['pci', BDF])
  })

  it('tells every generation it saw, in both dumps', async () => {
    const {provider, kernel} = await opened({families: [P2_FAMILY], dump: p2(7, 8)})
    expect((await provider.collect(kernel, BDF, NONCE)).generations).toEqual([7, 8])
    expect((await provider.readDigests(kernel, BDF)).generation).toBe(8)
  })

  it('has no current generation where digests carry several', async () => {
    const [first, ...rest] = DIGESTS
    const mixed = [...p2Messages(new Map([first!]), 48, 7), ...p2Messages(new Map(rest), 48, 8)]
    const {provider, kernel} = await opened({families: [P2_FAMILY], dump: () => mixed})
    expect((await provider.readDigests(kernel, BDF)).generation).toBeNull()
  })

  it('validates a generation by number', async () => {
    const {provider, kernel, log} = await opened({families: [P2_FAMILY]})
    await provider.validate!(kernel, BDF, 7)
    const [request] = log
    expect(request?.command).toBe(2)
    const named = request!.attributes.find(({type}) => type === DEVICE_EVIDENCE.attribute.generation)
    expect(u32Of(named!)).toBe(7)
  })

  it('calls a generation that is no longer the current one busy', async () => {
    const {provider, kernel} = await opened({families: [P2_FAMILY], once: () => 'ESTALE'})
    const error = await failure(provider.validate!(kernel, BDF, 7))
    expect(error.kind).toBe('busy')
    expect(error.hint).toMatch(/collect and verify again/)
  })
})

describe('the words of a kernel', () => {
  it('reach the user, harmless', async () => {
    const {kernel} = scripted({families: []})
    const hostile = {
      ...kernel,
      netlinkDump: async () => {
        const {ErrnoError} = await import('../../src/errors.js')
        throw new ErrnoError('ENODEV', 'ask', 'pci-tsm', {got: 'ENODEV: device \u001b[2J\u202e gone'})
      },
    }
    const error = await failure(pciTsm.collect(hostile, BDF, NONCE))
    expect(error.message).toContain('gone')
    expect(error.message).toMatch(/^[\x20-\x7e]*$/)
  })
})

describe('no interface', () => {
  it('is asked nothing and gives nothing', async () => {
    const {kernel, log} = scripted({families: []})
    expect((await none.collect(kernel, BDF, NONCE)).objects.size).toBe(0)
    expect(log).toEqual([])
  })
})
