/** The detection matrix: which files and families make which profile, and what an operator is told. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import type {Kernel, NetlinkFamily} from '../../src/kernel/index.js'
import {ABSENT, known, mapKnown, type Present, unknown, valueOf} from '../../src/known.js'
import type {Tsm} from '../../src/pci/index.js'
import {classify, classifyProvider, probe, type ProbeFacts} from '../../src/tsm/index.js'
import {functionNodes, mapKernel, type Node} from '../pci/map-kernel.js'

const tsm = (mode: Present<string> = ABSENT): Tsm => ({
  name: 'tsm0',
  parent: '/sys/devices/platform/x',
  parentBdf: undefined,
  mode,
})
const mode = (text: string): Present<string> => ({present: true, value: known(text)})
const yes = known(true)
const no = known(false)
const dark = unknown('not readable')

const family = (name: string, ...commands: number[]): NetlinkFamily => ({
  name,
  version: 1,
  maxAttribute: 10,
  commands: new Set(commands),
})
const families = (pciTsm: ProbeFacts['core'], deviceEvidence: ProbeFacts['core'], ...more: number[]) => ({
  families: {
    pciTsm: mapKnown(pciTsm, there => (there ? family('pci-tsm', 1) : null)),
    deviceEvidence: mapKnown(deviceEvidence, there => (there ? family('device-evidence', 1, ...more) : null)),
  },
})

const NOTHING: ProbeFacts = {core: yes, tsms: [], connect: no, lock: no, ...families(no, no)}
const registered = (facts: Partial<ProbeFacts>): ProbeFacts => ({...NOTHING, tsms: [tsm()], ...facts})
const classified = (facts: ProbeFacts) =>
  classify(
    facts,
    facts.tsms.map(found => classifyProvider(found)),
  )

const MATRIX: [string, ProbeFacts, string, string | null, RegExp][] = [
  ['no class directory', {...NOTHING, core: no}, 'no-core', null, /no TSM core.*whatever the hardware/],
  ['an empty class directory', NOTHING, 'no-provider', null, /No TSM yet/],
  ['a TSM and tsm/connect', registered({connect: yes}), 'host', null, /Host side/],
  ['a TSM and nothing', registered({}), 'nothing-usable', null, /registration is still going on/],
  [
    'a link TSM and nothing',
    registered({tsms: [tsm(mode('link'))]}),
    'nothing-usable',
    null,
    /host-side TSM.*no function can be tried/,
  ],
  [
    'a devsec TSM and nothing',
    registered({tsms: [tsm(mode('devsec'))]}),
    'nothing-usable',
    null,
    /host assigned no TDISP device/,
  ],
  ['lock without any family', registered({lock: yes}), 'guest', 'G1n', /no evidence interface/],
  ['lock and pci-tsm', registered({lock: yes, ...families(yes, no)}), 'guest', 'G2', /pci-tsm/],
  ['lock and device-evidence', registered({lock: yes, ...families(no, yes)}), 'guest', 'P2', /device-evidence/],
  ['lock and both families', registered({lock: yes, ...families(yes, yes)}), 'guest', 'P2', /device-evidence/],
  [
    'lock, families not known',
    registered({lock: yes, ...families(dark, dark)}),
    'guest',
    'unknown',
    /could not be told/,
  ],
  [
    'lock, one family not known',
    registered({lock: yes, ...families(no, dark)}),
    'guest',
    'unknown',
    /could not be told/,
  ],
  ['connect and lock', registered({connect: yes, lock: yes}), 'both', 'G1n', /Both sides/],
  [
    'connect, lock and a family',
    registered({connect: yes, lock: yes, ...families(yes, no)}),
    'both',
    'G2',
    /Both sides/,
  ],
  ['an unreadable class', {...NOTHING, core: dark}, 'unknown', null, /not readable/],
  ['unreadable devices', registered({connect: dark}), 'unknown', null, /not readable/],
]

describe('the detection matrix', () => {
  it.each(MATRIX)('%s', (_, facts, profile, generation, meaning) => {
    const found = classified(facts)
    expect(found).toMatchObject({profile, generation})
    expect(found.meaning).toMatch(meaning)
  })

  it.each(MATRIX.filter(([, , profile]) => !['host', 'guest', 'both'].includes(profile)))(
    'says what to do where nothing can be done yet: %s',
    (_, facts) => {
      expect(classified(facts).remedy).not.toBeNull()
    },
  )

  it('never calls a machine a host or a guest without having seen the attribute', () => {
    const fact = fc.constantFrom(yes, no, dark)
    const mix = fc.record({
      core: fact,
      tsms: fc.constantFrom([], [tsm()], [tsm(mode('link'))], [tsm(mode('devsec')), tsm()]),
      connect: fact,
      lock: fact,
      evidence: fc.tuple(fact, fact),
    })
    fc.assert(
      fc.property(mix, ({evidence, ...some}) => {
        const facts = {...some, ...families(...evidence)}
        const {profile, generation} = classified(facts)
        const [connect, lock] = [facts.connect, facts.lock].map(valueOf)
        if (profile === 'host' || profile === 'both') expect(connect).toBe(true)
        if (profile === 'guest' || profile === 'both') expect(lock).toBe(true)
        expect(generation === null).toBe(profile !== 'guest' && profile !== 'both')
      }),
    )
  })
})

const at = (parent: string | undefined, parentBdf?: string): Tsm => ({...tsm(), parent, parentBdf})

describe('the parent of a TSM is named', () => {
  const psp = '/sys/devices/pci0000:60/0000:60:07.1/0000:61:00.5'
  it.each<[string, Tsm, string | undefined, string, boolean]>([
    ['AMD Secure Processor 0000:61:00.5 (SEV-TIO)', at(psp, '0000:61:00.5'), 'ccp', 'sev-tio', true],
    ['PCI function 0000:61:00.5', at(psp, '0000:61:00.5'), 'qat', 'pci', false],
    ['PCI function 0000:61:00.5', at(psp, '0000:61:00.5'), undefined, 'pci', false],
    ['Intel TDX module (faux device tdx_host)', at('/sys/devices/faux/tdx_host'), undefined, 'tdx-host', false],
    ['faux device x', at('/sys/devices/faux/x'), undefined, 'faux', false],
    ['platform device tdx_host', at('/sys/devices/platform/tdx_host'), undefined, 'platform', false],
    ['virtual device y', at('/sys/devices/virtual/y'), undefined, 'virtual', false],
    ['device \\x1b[2J', at('/sys/devices/odd/\u001b[2J'), undefined, 'unknown', false],
    ['an unknown device (its class link could not be read)', at(undefined), undefined, 'unknown', false],
  ])('%s', (words, found, of, kind, makesStreams) => {
    expect(classifyProvider(found, of)).toEqual({tsm: 'tsm0', kind, words, makesStreams})
  })
})

const device = '/sys/bus/pci/devices/0000:01:00.0'
const nodes = (extra: Record<string, Node>): Record<string, Node> => ({
  ...functionNodes('0000:01:00.0', 'pci0000:00'),
  ...extra,
})
const class0 = {'/sys/class/tsm/tsm0': {link: '../../devices/faux/tdx_host/tsm/tsm0'}}
const speaking = (kernel: Kernel, answers: Record<string, NetlinkFamily | string>): Kernel => ({
  ...kernel,
  async netlinkFamily(name) {
    const answer = answers[name] ?? 'ENOENT'
    if (typeof answer === 'string') throw new ErrnoError(answer, 'ask', name)
    return answer
  },
})

describe('reading', () => {
  it('looks for attributes, and never reads them', async () => {
    const tree = nodes({...class0, [`${device}/tsm/connect`]: {errno: 'EIO'}})
    expect(await probe(mapKernel(tree))).toMatchObject({profile: 'host', tsms: [{kind: 'tdx-host', mode: null}]})
  })

  it("does not take a provider's glue directory for a TDI", async () => {
    const tree = nodes({...class0, [`${device}/tsm/tsm0/uevent`]: ''})
    expect((await probe(mapKernel(tree))).profile).toBe('nothing-usable')
  })

  it.each([
    ['no family', {}, 'G1n', null],
    ['pci-tsm', {'pci-tsm': family('pci-tsm', 1)}, 'G2', {version: 1, validates: false}],
    ['device-evidence', {'device-evidence': family('device-evidence', 1)}, 'P2', {validates: false}],
    ['the one with validate', {'device-evidence': family('device-evidence', 1, 2)}, 'P2', {validates: true}],
    ['an unknown version', {'device-evidence': {...family('device-evidence', 1), version: 9}}, 'P2', {version: 9}],
    // whoever reads evidence asks the newer family first, and then would not know either
    ['a kernel that does not say', {'pci-tsm': family('pci-tsm', 1), 'device-evidence': 'EIO'}, 'unknown', null],
  ] satisfies [string, Record<string, NetlinkFamily | string>, string, object | null][])(
    'tells the generation by the families: %s',
    async (_, answers, generation, evidence) => {
      const tree = nodes({...class0, [`${device}/tsm/lock`]: '\n'})
      const found = await probe(speaking(mapKernel(tree), answers))
      expect(found).toMatchObject({profile: 'guest', generation, evidence})
    },
  )

  it('does not know families that nobody could ask for', async () => {
    const tree = nodes({...class0, [`${device}/tsm/lock`]: '\n'})
    expect((await probe(mapKernel(tree))).generation).toBe('unknown')
  })

  it('knows a machine without the class directory', async () => {
    expect((await probe(mapKernel(nodes({})))).profile).toBe('no-core')
  })
})
