/** tsmctl on a kernel that knows nothing of TSMs: what needs none works, and the rest says what is missing. */
import {describe, expect, it} from 'vitest'
import {DEVICE, describeWithoutTsm, NO_GUEST_SIDE} from '../../guest/without-tsm.js'
import {writePolicy} from '../../guest/policy.js'
import {tsmctl, tsmctlJson} from '../../guest/program.js'

const MISSING = 'This kernel has no TSM core'
const BUNDLE = '/run/without-tsm.bundle'

describeWithoutTsm({
  listed: 'no TSM (this kernel has no TSM core)',
  missing: MISSING,
  remedy: 'CONFIG_PCI_TSM (Linux 6.19 or later)',
  diagnosis:
    /FAIL +TSM core: there is no \/sys\/class\/tsm\n +-> Boot a kernel with CONFIG_PCI_TSM \(Linux 6\.19 or later\)/,
  streams:
    /^pci0000:00 .* this kernel makes no streams here\n[^]*\nno function of this machine has an IDE capability$/m,
})

describe("the guest's verbs", () => {
  it.each(['unlock', 'evidence'])('%s says what is missing and what to do', verb => {
    const {code, err} = tsmctl([verb, DEVICE])
    expect(code).toBe(7)
    expect(err).toContain(MISSING)
    expect(err).toContain(NO_GUEST_SIDE)
  })

  it('admit looks at the device once it has a policy', () => {
    expect(tsmctl(['admit', DEVICE]).code).toBe(11)
    const {code, err} = tsmctl(['admit', DEVICE, '--policy', writePolicy(DEVICE)])
    expect(code).toBe(7)
    expect(err).toContain(MISSING)
  })

  it('accept finds no evidence, as none can have been collected here', () => {
    const asked = ['accept', DEVICE, '--evidence-digest', `sha384:${'0'.repeat(96)}`, '--policy', writePolicy(DEVICE)]
    expect(tsmctl(asked).code).toBe(3)
  })
})

describe('what needs no TSM', () => {
  it('watch tells the present state', () => {
    const {code, out} = tsmctl(['watch', '--once', DEVICE])
    expect(code).toBe(0)
    expect(out).toContain(`${DEVICE}  state`)
    expect(out).toContain('0 TSMs')
  })

  it('decode reads what any kernel shows', () => {
    const {code, out} = tsmctl(['decode', 'config-space', `/sys/bus/pci/devices/${DEVICE}/config`])
    expect(code).toBe(0)
    expect(out).toContain('Data Object Exchange')
  })

  it('a device can be asked for its identity through its mailbox, by whoever says so', () => {
    const asked = ['spdm', 'attest', DEVICE, '--root', `/mnt/control/${DEVICE}.root.der`]
    const refused = tsmctl(asked)
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('--use-mailbox')
    const {code, json} = tsmctlJson([...asked, '--use-mailbox', '--policy', writePolicy(DEVICE), '--out', BUNDLE])
    expect(json.error).toBeNull()
    expect(code).toBe(0)
    expect(json.data.verdict).toBe('verified')
  })

  it('what it said can be judged: who it is and what runs on it, and that nobody holds it', () => {
    const {code, out} = tsmctl(['verify', BUNDLE, '--policy', writePolicy(DEVICE), '--all'])
    expect(code).toBe(4)
    expect(out).toMatch(/path +"O=Lab, CN=Lab Device Root CA"/)
    expect(out).toMatch(/firmware, digest \S+: approved/)
    expect(out).toContain('no TSM holds the device')
  })
})
