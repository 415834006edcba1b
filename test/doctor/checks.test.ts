/** Every check with a machine for each status it can answer. */
import {describe, expect, it} from 'vitest'
import {
  diagnose,
  type DiagnosedMachine,
  DOCTOR_CHECK_IDS,
  DOCTOR_CHECKS,
  type DoctorCheckId,
  type HostFacts,
  type Status,
  type Use,
} from '../../src/doctor/index.js'
import type {NetlinkFamily} from '../../src/kernel/index.js'
import {ABSENT, known, unknown} from '../../src/known.js'
import {NO_TSM_ATTRIBUTES, PORT_TYPE} from '../../src/pci/index.js'
import {
  AMD,
  DEVSEC,
  EMPTY_CLASS,
  endpoint,
  GUEST,
  ide,
  INTEL,
  LINK,
  linkIde,
  machine,
  NO_CORE,
  probeOf,
  REFUSED,
  refused,
  REFUSED_HOST,
  rootPort,
  there,
  unreadFunction,
  UNREAD_CLASS,
} from './machines.js'

const amd = (facts: Partial<HostFacts> = {}) => machine({host: {...AMD, ...facts}})
const intel = (facts: Partial<HostFacts> = {}, probe = EMPTY_CLASS) => machine({host: {...INTEL, ...facts}, probe})
const parameter = (host: HostFacts, name: keyof HostFacts['parameters'], fact: HostFacts['parameters'][typeof name]) =>
  machine({host: {...host, parameters: {...host.parameters, [name]: fact}}})
const flags = (host: HostFacts, ...names: string[]): Partial<HostFacts> => ({
  cpu: host.cpu.known ? known({...host.cpu.value, flags: new Set(names)}) : host.cpu,
})
const bare = {doeFeatures: ABSENT, tsm: NO_TSM_ATTRIBUTES, iommuGroup: ABSENT}
const plain = endpoint({tee: known(false), ide: known(undefined), device: bare})
const other = known({
  vendor: 'other' as const,
  vendorId: 'implementer 0x41',
  flags: new Set<string>(),
})
const without = {config: known(new Map<string, string>())}
const unknownConfig = {config: REFUSED}
const noAttributes = {functions: [rootPort(), endpoint({device: bare})]}
const unread = machine({functions: [unreadFunction('0000:00:01.0'), unreadFunction('0000:01:00.0', ['0000:00:01.0'])]})

const UPSTREAM = '0000:01:00.0'
const upstream = {bdf: UPSTREAM, ports: ['0000:00:01.0'], type: known(PORT_TYPE.upstreamPort), tee: known(true)}
const down = (bdf: string, ...ports: string[]) => ({bdf, ports, type: known(PORT_TYPE.downstreamPort)})
/** A device with neither IDE nor TEE-IO, one switch below the one that can hold its DSM, or two. */
const behindSwitch = (levels: 1 | 2) => {
  const near = ['0000:00:01.0', UPSTREAM, '0000:02:00.0']
  const far = [...near, '0000:03:00.0', '0000:04:00.0']
  const second = [
    {bdf: '0000:03:00.0', ports: near, type: known(PORT_TYPE.upstreamPort)},
    down('0000:04:00.0', ...far.slice(0, 4)),
  ]
  return machine({
    functions: [
      rootPort(),
      upstream,
      down('0000:02:00.0', ...near.slice(0, 2)),
      ...(levels === 2 ? second : []),
      {bdf: '0000:05:00.0', ports: levels === 1 ? near : far},
    ],
  })
}

type Cases = Readonly<Record<DoctorCheckId, Partial<Record<Status, readonly DiagnosedMachine[]>>>>

/** A stream link that leads to nobody knows whom. */
const UNFOLLOWED = known([
  {
    name: 'stream0.0.0',
    slot: 0,
    rootPortBlock: 0,
    endpointBlock: 0,
    endpoint: unknown('it does not lead to a function'),
  },
])

/** A guest whose kernel has this family of evidence. */
const withFamily = (family: NetlinkFamily): DiagnosedMachine => {
  const [pciTsm, deviceEvidence] = family.name === 'pci-tsm' ? [family, null] : [null, family]
  const families = {pciTsm: known(pciTsm), deviceEvidence: known(deviceEvidence)}
  return machine({probe: probeOf({lock: known(true), families})})
}

const CASES: Cases = {
  'privilege.root': {
    PASS: [amd()],
    UNKNOWN: [amd({privileged: known(false)}), amd({privileged: REFUSED})],
  },
  'privilege.config-space': {PASS: [amd()], SKIP: [machine({functions: []})], UNKNOWN: [unread]},
  'privilege.tsm-attributes': {
    PASS: [amd()],
    SKIP: [machine(noAttributes)],
    UNKNOWN: [machine({functions: [endpoint({device: {tsm: {...NO_TSM_ATTRIBUTES, connect: refused}}})]})],
  },
  'privilege.lockdown': {
    PASS: [amd(), amd({lockdown: there('integrity')}), amd({lockdown: ABSENT})],
    UNKNOWN: [
      amd({lockdown: refused}),
      amd({lockdown: ABSENT, config: REFUSED}),
      amd({lockdown: ABSENT, config: known(new Map([['SECURITY_LOCKDOWN_LSM', 'y']]))}),
    ],
  },
  'kernel.tsm-core': {
    PASS: [amd(), machine({probe: EMPTY_CLASS})],
    FAIL: [machine({probe: NO_CORE})],
    UNKNOWN: [
      machine({probe: UNREAD_CLASS}),
      // a dump of configuration spaces
      machine({probe: NO_CORE, host: {...REFUSED_HOST, held: false}, available: refused}),
    ],
  },
  'kernel.pci-tsm': {
    PASS: [machine({host: {...AMD, ...unknownConfig}}), machine({...noAttributes})],
    FAIL: [machine({...noAttributes, host: {...AMD, ...without}})],
    UNKNOWN: [machine({...noAttributes, host: {...AMD, ...unknownConfig}})],
  },
  'kernel.pci-ide': {
    PASS: [amd(unknownConfig), machine({available: ABSENT})],
    FAIL: [machine({available: ABSENT, host: {...AMD, ...without}})],
    UNKNOWN: [
      machine({available: ABSENT, host: {...AMD, ...unknownConfig}}),
      machine({available: refused, host: REFUSED_HOST}),
    ],
  },
  'kernel.pci-doe': {
    PASS: [amd(unknownConfig), machine(noAttributes)],
    FAIL: [machine({...noAttributes, host: {...AMD, ...without}})],
    UNKNOWN: [machine({...noAttributes, host: {...AMD, ...unknownConfig}})],
  },
  'platform.cpu': {
    PASS: [amd(), intel(), machine({host: {...AMD, cpu: other}})],
    FAIL: [machine({host: {...AMD, cpu: other}, probe: EMPTY_CLASS})],
    UNKNOWN: [amd({cpu: REFUSED})],
  },
  'platform.iommu': {
    PASS: [amd({iommus: REFUSED}), machine({...noAttributes})],
    FAIL: [machine({...noAttributes, host: {...AMD, iommus: known([]), commandLine: known(['amd_iommu=off'])}})],
    UNKNOWN: [machine({...noAttributes, host: {...AMD, iommus: REFUSED}})],
  },
  'platform.iommu-groups': {
    PASS: [amd()],
    SKIP: [machine({functions: [rootPort(), plain]})],
    FAIL: [machine(noAttributes)],
    UNKNOWN: [unread, machine({...noAttributes, host: {...AMD, iommus: REFUSED}})],
  },
  'guest.confidential': {
    PASS: [machine({host: GUEST}), amd({vmpl: there('0')})],
    FAIL: [amd()],
    UNKNOWN: [amd({cpu: REFUSED}), amd({vmpl: refused}), amd({cpu: other})],
  },
  'amd.snp-processor': {PASS: [amd()], FAIL: [amd(flags(AMD))], UNKNOWN: [amd({cpu: REFUSED})]},
  'amd.ccp': {PASS: [amd()], FAIL: [amd({modules: known(new Set<string>())})], UNKNOWN: [amd({modules: REFUSED})]},
  'amd.tio': {
    PASS: [amd(), parameter(AMD, 'ccp/tio', there('1'))],
    FAIL: [parameter(AMD, 'ccp/tio', there('N')), parameter(AMD, 'ccp/tio', ABSENT)],
    UNKNOWN: [parameter(AMD, 'ccp/tio', refused)],
  },
  'amd.kvm': {PASS: [amd()], FAIL: [amd({modules: known(new Set(['ccp']))})], UNKNOWN: [amd({modules: REFUSED})]},
  'amd.snp': {
    PASS: [amd()],
    FAIL: [parameter(AMD, 'kvm_amd/sev_snp', there('N')), parameter(AMD, 'kvm_amd/sev_snp', ABSENT)],
    UNKNOWN: [parameter(AMD, 'kvm_amd/sev_snp', refused)],
  },
  'amd.psp-init': {
    PASS: [amd(), parameter(AMD, 'ccp/psp_init_on_probe', ABSENT)],
    FAIL: [parameter(AMD, 'ccp/psp_init_on_probe', there('N'))],
    UNKNOWN: [parameter(AMD, 'ccp/psp_init_on_probe', refused)],
  },
  'amd.sev-tio': {PASS: [amd()], UNKNOWN: [machine({probe: EMPTY_CLASS}), machine({probe: DEVSEC})]},
  'intel.tdx-processor': {PASS: [intel()], FAIL: [intel(flags(INTEL))], UNKNOWN: [intel({cpu: REFUSED})]},
  'intel.hibernation': {
    PASS: [intel(), intel({hibernation: ABSENT})],
    FAIL: [intel({hibernation: there('platform')})],
    UNKNOWN: [intel({hibernation: refused})],
  },
  'intel.packages': {
    PASS: [intel()],
    UNKNOWN: [intel({cpus: REFUSED}), intel({cpus: known({present: '0-63', online: '0-31'})})],
  },
  'intel.tdx-module': {
    PASS: [intel(), intel({tdxModule: ABSENT})],
    FAIL: [intel({tdxModule: there('')}), intel({tdxModule: ABSENT, miscCapacity: ABSENT, ...without})],
    UNKNOWN: [
      intel({tdxModule: refused}),
      intel({tdxModule: ABSENT, miscCapacity: ABSENT}),
      intel({tdxModule: ABSENT, miscCapacity: refused, config: REFUSED}),
    ],
  },
  'intel.kvm': {
    PASS: [intel()],
    FAIL: [intel({modules: known(new Set<string>())})],
    UNKNOWN: [intel({modules: REFUSED})],
  },
  'intel.kvm-tdx': {
    PASS: [intel()],
    FAIL: [parameter(INTEL, 'kvm_intel/tdx', there('N')), parameter(INTEL, 'kvm_intel/tdx', ABSENT)],
    UNKNOWN: [parameter(INTEL, 'kvm_intel/tdx', refused)],
  },
  'intel.key-ids': {
    PASS: [intel()],
    FAIL: [intel({miscCapacity: there(new Map())}), intel({miscCapacity: there(new Map([['tdx', '0']]))})],
    UNKNOWN: [intel({miscCapacity: ABSENT}), intel({miscCapacity: refused})],
  },
  'intel.connect': {PASS: [intel({}, probeOf({connect: known(true)}, 'tdx-host'))], FAIL: [intel()]},
  'tsm.registered': {
    PASS: [amd()],
    FAIL: [machine({probe: EMPTY_CLASS})],
    UNKNOWN: [machine({probe: UNREAD_CLASS})],
  },
  'tsm.parent': {
    PASS: [amd()],
    UNKNOWN: [machine({probe: probeOf({connect: known(true)}, 'unknown')}), machine({probe: UNREAD_CLASS})],
  },
  'tsm.link': {
    PASS: [
      amd(),
      machine({probe: probeOf({mode: there('link')})}),
      machine({probe: probeOf({connect: known(true), lock: known(true)})}),
    ],
    FAIL: [machine({probe: DEVSEC}), machine({probe: probeOf({mode: there('devsec')})})],
    UNKNOWN: [machine({probe: probeOf({})}), machine({probe: probeOf({connect: REFUSED})})],
  },
  'tsm.connectable': {
    PASS: [amd()],
    FAIL: [machine(noAttributes)],
    UNKNOWN: [
      machine({functions: [endpoint({device: {tsm: {...NO_TSM_ATTRIBUTES, connect: refused}}})]}),
      machine({...noAttributes, probe: UNREAD_CLASS}),
    ],
  },
  'tsm.devsec': {
    PASS: [machine({probe: DEVSEC}), machine({probe: probeOf({mode: there('devsec')})})],
    FAIL: [machine({probe: LINK}), machine({probe: probeOf({mode: there('link')})})],
    UNKNOWN: [machine({probe: probeOf({})}), machine({probe: probeOf({lock: REFUSED})})],
  },
  'tsm.lockable': {
    PASS: [machine({functions: [endpoint({device: {tsm: {...NO_TSM_ATTRIBUTES, lock: there('')}}})]})],
    FAIL: [amd()],
    UNKNOWN: [
      machine({functions: [endpoint({device: {tsm: {...NO_TSM_ATTRIBUTES, lock: refused}}})]}),
      machine({...noAttributes, probe: UNREAD_CLASS}),
    ],
  },
  'tsm.evidence': {
    PASS: [
      withFamily({name: 'pci-tsm', version: 1, maxAttribute: 6, commands: new Set([1])}),
      withFamily({name: 'device-evidence', version: 1, maxAttribute: 10, commands: new Set([1, 2])}),
    ],
    FAIL: [
      machine({probe: DEVSEC}),
      withFamily({name: 'device-evidence', version: 2, maxAttribute: 10, commands: new Set([1, 2])}),
    ],
    UNKNOWN: [
      machine({
        probe: probeOf({lock: known(true), families: {pciTsm: known(null), deviceEvidence: unknown('not asked')}}),
      }),
    ],
  },
  'topology.root-port-ide': {
    PASS: [amd()],
    FAIL: [
      machine({functions: [endpoint()]}),
      machine({functions: [rootPort({ide: known(undefined)})]}),
      machine({functions: [rootPort({ide: known(linkIde())})]}),
    ],
    UNKNOWN: [unread, machine({functions: [rootPort({ide: REFUSED})]})],
  },
  'topology.endpoint-ide': {
    PASS: [amd()],
    FAIL: [machine({functions: [rootPort(), plain]}), machine({functions: []})],
    UNKNOWN: [unread, machine({functions: [rootPort(), endpoint({ide: REFUSED})]})],
  },
  'topology.endpoint-tee': {
    PASS: [amd()],
    FAIL: [machine({functions: [rootPort(), endpoint({tee: known(false)})]})],
    UNKNOWN: [unread, machine({functions: [endpoint({tee: REFUSED})]})],
  },
  'topology.doe': {
    PASS: [amd()],
    SKIP: [machine({functions: [rootPort(), plain]})],
    FAIL: [
      machine(noAttributes),
      machine({functions: [rootPort(), endpoint({device: {doeFeatures: there([{vendor: 1, type: 1}])}})]}),
    ],
    UNKNOWN: [
      unread,
      machine({...noAttributes, host: {...AMD, ...unknownConfig}}),
      machine({functions: [rootPort(), endpoint({device: {doeFeatures: refused}})]}),
    ],
  },
  'topology.function-zero': {
    PASS: [amd(), machine({functions: [rootPort(), endpoint(), endpoint({bdf: '0000:01:00.1'})]})],
    SKIP: [machine({functions: [rootPort(), plain]})],
    FAIL: [
      machine({functions: [rootPort(), endpoint({bdf: '0000:01:00.1'})]}),
      machine({functions: [rootPort(), plain, endpoint({bdf: '0000:01:00.1'})]}),
    ],
    UNKNOWN: [
      unread,
      machine({functions: [rootPort(), unreadFunction('0000:01:00.0'), endpoint({bdf: '0000:01:00.1'})]}),
    ],
  },
  'topology.port-type': {
    PASS: [amd()],
    SKIP: [machine({functions: [rootPort(), plain]})],
    FAIL: [
      machine({functions: [endpoint({type: known(PORT_TYPE.legacyEndpoint)})]}),
      machine({functions: [endpoint({type: known(PORT_TYPE.rcIntegratedEndpoint), ports: []})]}),
    ],
    UNKNOWN: [unread],
  },
  'topology.port-above': {
    PASS: [amd()],
    SKIP: [machine({functions: [rootPort(), plain]})],
    FAIL: [machine({functions: [rootPort({ide: known(undefined)}), endpoint()]})],
    UNKNOWN: [unread, machine({functions: [rootPort({ide: REFUSED}), endpoint()]})],
  },
  'topology.dsm-distance': {
    PASS: [behindSwitch(1)],
    SKIP: [amd()],
    FAIL: [behindSwitch(2)],
    UNKNOWN: [unread],
  },
  'topology.firmware-streams': {
    PASS: [amd()],
    FAIL: [machine({functions: [rootPort({ide: known(ide(2, 7))}), endpoint()]})],
    UNKNOWN: [machine({functions: [rootPort(), endpoint({ide: REFUSED})]}), machine({links: UNFOLLOWED})],
  },
  'topology.stream-slots': {
    PASS: [amd(), machine({functions: [rootPort({ide: known(undefined)})], available: there(0)})],
    FAIL: [machine({available: there(0)})],
    UNKNOWN: [machine({available: refused})],
  },
  'topology.streams': {
    PASS: [amd()],
    FAIL: [machine({functions: [rootPort({ide: known(ide(2, 7))}), endpoint()]})],
    UNKNOWN: [machine({functions: [rootPort(), endpoint({ide: REFUSED})]}), machine({links: UNFOLLOWED})],
  },
}

describe.each(DOCTOR_CHECK_IDS)('%s', id => {
  const {yields, examine} = DOCTOR_CHECKS[id]

  it('has a case for every status it can answer, and no other', () => {
    expect(Object.keys(CASES[id]).sort()).toEqual([...yields].sort())
  })

  it.each(Object.entries(CASES[id]) as [Status, readonly DiagnosedMachine[]][])('answers %s', (status, machines) => {
    for (const each of machines) {
      const answer = examine(each)
      expect(answer).toMatchObject({status})
      expect(answer.reason).toMatch(/^[ -~]+$/)
    }
  })
})

const USES: readonly Use[] = ['host', 'guest']
const EVERY = Object.values(CASES).flatMap(statuses => Object.values(statuses).flat())

describe('the registry', () => {
  it('requires only checks that stand above, for the same use', () => {
    for (const [at, id] of DOCTOR_CHECK_IDS.entries())
      for (const required of DOCTOR_CHECKS[id].requires ?? []) {
        const index = DOCTOR_CHECK_IDS.indexOf(required as DoctorCheckId)
        expect(index, `${id} requires ${required}`).toBeGreaterThanOrEqual(0)
        expect(index).toBeLessThan(at)
        expect(DOCTOR_CHECKS[required as DoctorCheckId].for).toEqual(expect.arrayContaining([...DOCTOR_CHECKS[id].for]))
      }
  })

  it('keeps the checks of one group together', () => {
    const groups = DOCTOR_CHECK_IDS.map(id => id.split('.')[0])
    expect(groups.filter((group, i) => group !== groups[i - 1])).toEqual([...new Set(groups)])
  })
})

describe('a diagnosis', () => {
  it('of a healthy host has no FAIL and no UNKNOWN', () => {
    const bad = diagnose(amd(), 'host').filter(({status}) => status === 'FAIL' || status === 'UNKNOWN')
    expect(bad).toEqual([])
  })

  it.each(USES)('names a next step for every FAIL and UNKNOWN, and for nothing else (%s)', use => {
    for (const each of EVERY)
      for (const {status, remedy} of diagnose(each, use))
        expect(remedy !== null).toBe(status === 'FAIL' || status === 'UNKNOWN')
  })

  it.each(USES)('skips what waits for a check that failed or was skipped, and names it (%s)', use => {
    let skipped = 0
    for (const each of EVERY) {
      const results = diagnose(each, use)
      const status = new Map<string, Status>(results.map(result => [result.id, result.status]))
      for (const {id, ...result} of results) {
        const missing = (DOCTOR_CHECKS[id].requires ?? []).filter(required => /FAIL|SKIP/.test(status.get(required)!))
        if (missing.length > 0) expect(result.status).toBe('SKIP')
        if (result.waitsFor === null) continue
        skipped++
        expect(missing).toContain(result.waitsFor)
        expect(result.reason).toContain(result.waitsFor)
      }
    }
    expect(skipped).toBeGreaterThan(50)
  })

  it.each([
    ['AMD', amd(), 'intel'],
    ['Intel', intel(), 'amd'],
  ])('of an %s host leaves the other vendor out', (_, each, group) => {
    const others = diagnose(each, 'host').filter(result => result.group === group)
    expect(others.length).toBeGreaterThan(5)
    expect(others.every(({status, waitsFor}) => status === 'SKIP' && waitsFor === null)).toBe(true)
  })

  it.each(USES)('has no FAIL where everything was refused (%s)', use => {
    const nothing = machine({
      host: REFUSED_HOST,
      functions: [unreadFunction('0000:00:01.0'), unreadFunction('0000:01:00.0', ['0000:00:01.0'])],
      available: refused,
      probe: UNREAD_CLASS,
    })
    const results = diagnose(nothing, use)
    expect(results.filter(({status}) => status === 'FAIL')).toEqual([])
    expect(results.filter(({status}) => status === 'UNKNOWN').every(({remedy}) => remedy !== null)).toBe(true)
    expect(results.find(({id}) => id === 'privilege.root')).toMatchObject({status: 'UNKNOWN', remedy: 'Run as root.'})
  })

  it('of a recording without host facts asks for a new recording', () => {
    const results = diagnose(machine({host: {...REFUSED_HOST, held: false}}), 'host')
    const open = results.filter(({status}) => status === 'UNKNOWN')
    expect(open.length).toBeGreaterThan(2)
    for (const {remedy} of open) expect(remedy).toContain('tsmctl record')
  })
})
