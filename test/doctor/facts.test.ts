/** What host files say, from machines of a few files. */
import {gzipSync} from 'node:zlib'
import {describe, expect, it} from 'vitest'
import {parseCpuinfo, readHostFacts} from '../../src/doctor/index.js'
import {ABSENT, known} from '../../src/known.js'
import {mapKernel, type Node} from '../pci/map-kernel.js'

const CPUINFO = `processor\t: 0
vendor_id\t: AuthenticAMD
flags\t\t: fpu sev_snp hypervisor

processor\t: 1
vendor_id\t: GenuineIntel
flags\t\t: fpu
`
const BASE = {'/proc/cpuinfo': CPUINFO, '/proc/sys/kernel/osrelease': '7.3.4-test\n'}
const facts = (tree: Readonly<Record<string, Node>> = {}) => readHostFacts(mapKernel({...BASE, ...tree}))
const CONFIG = '# CONFIG_PCI_IDE is not set\nCONFIG_PCI_TSM=y\nCONFIG_LOCALVERSION=""\n'

describe('/proc/cpuinfo', () => {
  it('is read from its first processor', () => {
    expect(facts().cpu).toEqual(
      known({
        vendor: 'AMD',
        vendorId: 'AuthenticAMD',
        flags: new Set(['fpu', 'sev_snp', 'hypervisor']),
      }),
    )
  })

  it('of Arm names an implementer and features', () => {
    expect(parseCpuinfo('processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n')).toEqual({
      vendor: 'other',
      vendorId: 'implementer 0x41',
      flags: new Set(['fp', 'asimd']),
    })
  })

  it.each(['', '\n\n\n', 'no colon', ': \n:', '\u0000\u001b'])('can be anything: %j', text => {
    expect(parseCpuinfo(text)).toMatchObject({vendor: 'other', flags: new Set()})
  })
})

describe('the kernel configuration', () => {
  const values = known(
    new Map([
      ['PCI_TSM', 'y'],
      ['LOCALVERSION', '""'],
    ]),
  )

  it.each<[string, Record<string, Node>]>([
    ['/proc/config.gz', {'/proc/config.gz': gzipSync(CONFIG)}],
    ['/boot', {'/boot/config-7.3.4-test': CONFIG}],
    ['/lib/modules', {'/lib/modules/7.3.4-test/config': CONFIG}],
    ['/boot, although another is closed', {'/proc/config.gz': {errno: 'EACCES'}, '/boot/config-7.3.4-test': CONFIG}],
  ])('is found in %s', (_, tree) => {
    expect(facts(tree).config).toEqual(values)
  })

  it('of the running kernel comes first', () => {
    expect(facts({'/proc/config.gz': gzipSync(CONFIG), '/boot/config-7.3.4-test': 'CONFIG_A=m\n'}).config).toEqual(
      values,
    )
  })

  it.each<[string, Record<string, Node>, RegExp]>([
    ['is nowhere', {}, /in none of .*config\.gz.*7\.3\.4-test/],
    ['is closed to us', {'/boot/config-7.3.4-test': {errno: 'EACCES'}}, /EACCES.*run as root/],
    ['is no gzip', {'/proc/config.gz': 'CONFIG_A=y\n'}, /does not unpack/],
    [
      'unpacks to more than a configuration',
      {'/proc/config.gz': gzipSync(Buffer.alloc(16 * 1024 * 1024))},
      /does not unpack/,
    ],
    ['has a release that is no name', {'/proc/sys/kernel/osrelease': '../../etc\n'}, /in none of \/proc\/config\.gz$/],
  ])('is unknown where it %s', (_, tree, reason) => {
    expect(facts(tree).config).toEqual({known: false, reason: expect.stringMatching(reason)})
  })
})

describe('privilege', () => {
  it.each([
    ['000001ffffffffff', known(true)],
    ['0000000000200000', known(true)],
    ['ffffffffffdfffff', known(false)],
    ['0000000000000000', known(false)],
  ])('CapEff %s', (mask, expected) => {
    expect(
      facts({'/proc/self/status': `Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t${mask}\n`}).privileged,
    ).toEqual(expected)
  })

  it.each<[string, Node]>([
    ['refused', {errno: 'EACCES'}],
    ['without the line', 'Name:\tnode\n'],
  ])('is unknown when its file is %s', (_, node) => {
    expect(facts({'/proc/self/status': node}).privileged.known).toBe(false)
  })
})

describe('the rest', () => {
  it('is read as the kernel writes it', () => {
    const read = facts({
      '/proc/cmdline': 'root=/dev/vda amd_iommu=off\n',
      '/sys/module/ccp/parameters/tio': 'N\n',
      '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n',
      '/sys/power/disk': '[disabled]\n',
      '/sys/fs/cgroup/misc.capacity': 'sev_es 99\ntdx 31\n',
      '/sys/devices/faux/tdx_host/version': '1.5.06\n',
      '/sys/class/iommu/ivhd0/uevent': '',
      '/sys/devices/system/cpu/present': '0-3\n',
      '/sys/devices/system/cpu/online': '0-2\n',
    })
    expect(read).toMatchObject({
      commandLine: known(['root=/dev/vda', 'amd_iommu=off']),
      modules: known(new Set(['ccp'])),
      lockdown: {present: true, value: known('integrity')},
      hibernation: {present: true, value: known('disabled')},
      iommus: known(['ivhd0']),
      tdxModule: {present: true, value: known('1.5.06')},
      cpus: known({present: '0-3', online: '0-2'}),
      vmpl: ABSENT,
    })
    expect(read.parameters['ccp/tio']).toEqual({present: true, value: known('N')})
    expect(read.miscCapacity).toEqual({
      present: true,
      value: known(
        new Map([
          ['sev_es', '99'],
          ['tdx', '31'],
        ]),
      ),
    })
  })

  it('tells a TDX module that is not initialised from one that is not there', () => {
    expect(facts({'/sys/devices/faux/tdx_host/version': {errno: 'ENXIO'}}).tdxModule).toEqual({
      present: true,
      value: known(''),
    })
    expect(facts().tdxModule).toEqual(ABSENT)
  })

  it('is unknown, not absent, where nothing about the host was recorded', () => {
    const {held, parameters, ...rest} = readHostFacts(mapKernel({'/sys/bus/pci/devices/x': ''}))
    expect(held).toBe(false)
    const unknowns = [...Object.values(rest), ...Object.values(parameters)].map(fact =>
      'present' in fact && fact.present ? fact.value : fact,
    )
    expect(unknowns.length).toBeGreaterThan(12)
    for (const fact of unknowns) expect(fact).toMatchObject({known: false})
  })
})
