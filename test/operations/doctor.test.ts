/** `doctor` on whole machines: recorded, refused, hostile, and this one. */
import {readFileSync} from 'node:fs'
import {gzipSync} from 'node:zlib'
import {describe, expect, it} from 'vitest'
import {doctorSummary, doctorText} from '../../src/cli/doctor-text.js'
import {diagnose} from '../../src/doctor/index.js'
import {ErrnoError} from '../../src/errors.js'
import {
  formatCapture,
  type Kernel,
  liveKernel,
  parseCapture,
  recordingKernel,
  replayKernel,
} from '../../src/kernel/index.js'
import {type Diagnosis, examineMachine, readDiagnosedMachine, shortcoming} from '../../src/operations/index.js'

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/captures/${name}.json`, import.meta.url), 'utf8')

const PROC: Readonly<Record<string, string>> = {
  '/proc/cpuinfo': 'vendor_id\t: AuthenticAMD\nflags\t\t: sev_snp\n',
  '/proc/cmdline': 'quiet\n',
  '/proc/self/status': 'CapEff:\t000001ffffffffff\n',
  '/proc/sys/kernel/osrelease': '7.3.4\n',
  '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
  '/sys/module/ccp/parameters/tio': 'Y\n',
  '/sys/module/ccp/parameters/psp_init_on_probe': 'Y\n',
  '/sys/module/kvm_amd/parameters/sev_snp': 'Y\n',
}

/** The recorded host, with what a recording of `doctor` also has. */
function amdHost(more: Readonly<Record<string, string>> = {}): Kernel {
  const capture = parseCapture(fixture('host-connected'))
  const nodes = new Map(capture.nodes)
  for (const [path, text] of Object.entries({...PROC, ...more}))
    nodes.set(path, {type: 'file', mode: 0o444, content: Buffer.from(text)})
  nodes.set('/proc/config.gz', {type: 'file', mode: 0o444, content: gzipSync('CONFIG_PCI_TSM=y\n')})
  nodes.set('/sys/class/iommu', {type: 'directory', mode: 0o755})
  return replayKernel({...capture, nodes})
}

const DEVICES = '/sys/bus/pci/devices'

const statusOf = ({checks}: Diagnosis, id: string): string | undefined => checks.find(check => check.id === id)?.status

describe('a recorded host', () => {
  it('with host facts is told what it lacks', async () => {
    const diagnosis = await examineMachine(amdHost())
    expect(diagnosis).toMatchObject({for: 'host', because: 'functions have tsm/connect', kernel: '7.3.4'})
    expect(statusOf(diagnosis, 'amd.snp')).toBe('PASS')
    // a test module provides its TSM, not the Secure Processor
    expect(statusOf(diagnosis, 'amd.sev-tio')).toBe('UNKNOWN')
    expect(statusOf(diagnosis, 'tsm.connectable')).toBe('PASS')
    expect(diagnosis.counts.FAIL).toBe(0)
    expect(shortcoming(diagnosis)).toBeUndefined()
  })

  it('is listed a few times in all, not once for every function', async () => {
    const host = amdHost()
    let listings = 0
    await examineMachine({...host, list: path => ((listings += Number(path === DEVICES)), host.list(path))})
    expect(listings).toBeGreaterThan(0)
    expect(listings).toBeLessThan(host.list(DEVICES).length)
  })

  it('fails where a setting says no, and ends with 7', async () => {
    const diagnosis = await examineMachine(amdHost({'/sys/module/ccp/parameters/tio': 'N\n'}))
    expect(statusOf(diagnosis, 'amd.tio')).toBe('FAIL')
    expect(statusOf(diagnosis, 'amd.sev-tio')).toBe('SKIP')
    expect(shortcoming(diagnosis)).toMatchObject({exitCode: 7, message: expect.stringContaining('amd.tio')})
  })

  it('gives the same diagnosis when it is recorded and replayed, anonymised or not', async () => {
    const direct = await examineMachine(amdHost())
    for (const anonymise of [false, true]) {
      const recording = recordingKernel(amdHost(), {anonymise})
      // oxlint-disable-next-line no-await-in-loop
      await readDiagnosedMachine(recording)
      const replayed = replayKernel(parseCapture(formatCapture(recording.capture())))
      // oxlint-disable-next-line no-await-in-loop
      expect(await examineMachine(replayed)).toEqual(direct)
    }
  })

  it('is left alone on abort', async () => {
    await expect(examineMachine(amdHost(), {signal: AbortSignal.abort()})).rejects.toMatchObject({errno: 'EINTR'})
  })

  it('can be looked at as a guest', async () => {
    const diagnosis = await examineMachine(amdHost(), {use: 'guest'})
    expect(diagnosis).toMatchObject({for: 'guest', because: 'as asked'})
    expect(statusOf(diagnosis, 'guest.confidential')).toBe('FAIL')
    expect(statusOf(diagnosis, 'amd.ccp')).toBeUndefined()
  })
})

const refuse = (verb: string, path: string): never => {
  throw new ErrnoError('EACCES', verb, path)
}

/** Refuses to read anything but `uevent` and the first 64 bytes of `config`, as if every file were root's. */
const withoutPrivilege = (inner: Kernel): Kernel => ({
  ...inner,
  read: path => (path.endsWith('/uevent') ? inner.read(path) : refuse('read', path)),
  readAt: (path, offset, length) =>
    path.endsWith('/config')
      ? inner.readAt(path, offset, length).subarray(0, Math.max(0, 64 - offset))
      : refuse('read', path),
  query: async path => refuse('read', path),
})

describe('without privilege', () => {
  it.each([
    ['host', amdHost],
    ['guest', () => replayKernel(parseCapture(fixture('guest-locked')))],
  ] as const)('nothing fails that could not be read (a %s)', async (use, machine) => {
    const diagnosis = await examineMachine(withoutPrivilege(machine()))
    expect(diagnosis.for).toBe(use)
    expect(diagnosis.checks.filter(({status}) => status === 'FAIL')).toEqual([])
    expect(diagnosis.counts.UNKNOWN).toBeGreaterThan(3)
    expect(statusOf(diagnosis, 'privilege.config-space')).toBe('UNKNOWN')
  })

  it.each(['list', 'readlink'] as const)('nothing fails when %s is refused as well', async call => {
    const inner = amdHost()
    // what every process may list on any Linux
    const open = /^\/sys\/(?:bus\/pci\/devices|class\/tsm)/
    const kernel: Kernel = {
      ...withoutPrivilege(inner),
      [call](path: string) {
        return open.test(path) ? inner[call](path) : refuse(call, path)
      },
    }
    const {checks} = await examineMachine(kernel, {use: 'host'})
    expect(checks.filter(({status}) => status === 'FAIL')).toEqual([])
  })
})

describe('text', () => {
  it('names reasons, devices and the next step, and is printable whatever the machine says', async () => {
    const hostile = '\u001b]0;owned\u0007\u009b2J'
    const kernel = amdHost({
      '/proc/cpuinfo': `vendor_id\t: Authentic${hostile}\nflags\t\t: ${hostile}\n`,
      '/proc/sys/kernel/osrelease': `7.3${hostile}\n`,
      '/proc/cmdline': `amd_iommu=off,${hostile}\n`,
      '/sys/kernel/security/lockdown': `[${hostile}]\n`,
      '/sys/module/ccp/parameters/tio': `${hostile}\n`,
    })
    for (const use of ['host', 'guest'] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const diagnosis = await examineMachine(kernel, {use})
      for (const verbose of [false, true]) expect(doctorText(diagnosis, verbose)).toMatch(/^[ -~\n]*$/)
      expect(doctorSummary('host replay', diagnosis)).toMatch(/^[ -~]*$/)
    }
  })

  it('says more when asked', async () => {
    const diagnosis = await examineMachine(amdHost())
    const [brief, verbose] = [doctorText(diagnosis, false), doctorText(diagnosis, true)]
    expect(brief).toContain('PASS     TSM registered: tsm0')
    expect(brief).toContain('SKIP     8 checks: not an Intel processor')
    expect(brief).not.toContain('passes when')
    for (const {id} of diagnosis.checks) expect(verbose).toContain(`${id} passes when `)
  })
})

it('says something about this machine, and the same about its recording', async () => {
  const kernel = liveKernel()
  const recording = recordingKernel(kernel)
  const direct = await readDiagnosedMachine(recording)
  const replayed = replayKernel(parseCapture(formatCapture(recording.capture())))
  for (const use of ['host', 'guest'] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const {checks, counts} = await examineMachine(replayed, {use})
    expect(checks).toEqual(diagnose(direct, use))
    expect(checks.length).toBe(Object.values(counts).reduce((sum, n) => sum + n))
    expect(checks.length).toBeGreaterThan(8)
  }
  kernel.close()
})
