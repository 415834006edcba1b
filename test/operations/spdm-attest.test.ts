/** `spdm attest` end to end: a lab device behind a socket of the loopback, asked by our requester. */
import {createHash} from 'node:crypto'
import {mkdtempSync, readFileSync, statSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, describe, expect, it, vi} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {bundleFromJson} from '../../src/evidence/index.js'
import {environment, type Kernel, listenTcp, memoryState} from '../../src/kernel/index.js'
import {attest, type AttestOptions} from '../../src/operations/spdm-attest.js'
import {attestationText} from '../../src/operations/spdm-attest-text.js'
import type {MeasurementView} from '../../src/operations/spdm-attestation.js'
import {BINDINGS} from '../../src/operations/spdm-binding.js'
import {labDeviceOf} from '../../src/operations/spdm-lab.js'
import {readCapture} from '../../src/pcap/index.js'
import {unframer} from '../../src/operations/spdm-capture.js'
import {readPolicy} from '../../src/operations/read-policy.js'
import {verifyBundle} from '../../src/operations/review.js'
import {type RespondingDevice, serveSpdm} from '../../src/operations/spdm-respond.js'
import {CMA_SPDM, SECURED_CMA_SPDM} from '../../src/pci/index.js'
import {type Datagram, Responder, type ResponderOptions, SPDM_CODE} from '../../src/spdm/index.js'
import {virtualClock} from '../pci/mailbox-kernel.js'
import {GPU, machines} from '../sim/machines.js'

const make = machines()
const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-attest-'))
let files = 0
const fresh = (suffix: string): string => join(scratch, `${files++}${suffix}`)
const kernel = {...environment, state: memoryState()} as unknown as Kernel

let stop = (): void => undefined
afterEach(() => stop())

type LabSpec = Parameters<typeof labDeviceOf>[0]
type Meddle = (answer: Datagram | undefined, code: number) => Datagram | undefined

type Twist = (options: ResponderOptions) => ResponderOptions

/** A device behind a socket; `meddle` sits between it and the world, `twist` makes it another device. */
async function lab(spec: LabSpec = {}, meddle: Meddle = answer => answer, twist: Twist = options => options) {
  const made = await labDeviceOf(spec)
  const responder = new Responder(twist(made.options))
  const device: RespondingDevice = {
    respond: request => meddle(responder.respond(request), request.secured ? 0 : request.payload[1]!),
  }
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  const abort = new AbortController()
  stop = () => abort.abort()
  const binding = BINDINGS[spec.transport ?? 'doe']
  const served = serveSpdm(listener, device, {signal: abort.signal, binding})
  const root = fresh('.der')
  writeFileSync(root, made.root)
  return {device: `tcp://127.0.0.1:${listener.address.port}`, root, served}
}

const DEFAULTS = {roots: [], policies: [], timeout: 2000, tool: 'test', signal: new AbortController().signal}

const asking = (device: string, options: Partial<AttestOptions> = {}) =>
  attest(kernel, {...DEFAULTS, device, shutdown: true, ...options})

const answersOf = ({attestation}: Awaited<ReturnType<typeof asking>>) =>
  Object.fromEntries(attestation.questions.map(({id, answer}) => [id, answer]))

const ALL = {chain: 'yes', key: 'yes', measurements: 'yes', reference: 'not asked', negotiation: 'yes', session: 'yes'}

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, i) => (i === (at + bytes.length) % bytes.length ? byte ^ 1 : byte))

/** A policy that pins the root and takes these values, and no others. */
function policyFor(root: string, values: readonly MeasurementView[], changed?: number): string {
  const digest = createHash('sha384').update(readFileSync(root)).digest('hex')
  const lines = values.map(({index, type, representation, value}) => {
    const wanted = index === changed ? value.replace(/^./, first => (first === '0' ? '1' : '0')) : value
    const reference = representation === 'raw' ? `raw: ["${wanted}"]` : `digests: ["sha384:${wanted}"]`
    return `        - {index: ${index}, type: ${type}, ${type === 'svn' ? 'svn: {min: 7}' : reference}}`
  })
  const file = fresh('.yaml')
  writeFileSync(
    file,
    [
      'tsmctlPolicy: 1',
      'name: lab',
      'anchors:',
      `  lab: [{label: lab root, certSha384: "sha384:${digest}"}]`,
      'rules:',
      '  - id: lab-device',
      '    description: whatever the lab makes',
      '    match: {san: "Lab:*"}',
      '    decision: review',
      '    anchors: [lab]',
      '    identity: {mode: any-from-anchor}',
      '    measurements:',
      '      source: inline',
      '      values:',
      ...lines,
      '',
    ].join('\n'),
    {mode: 0o600},
  )
  return file
}

/** ERROR ResponseNotReady for the digests, after 2^`exponent` microseconds. */
const later =
  (exponent: number): Meddle =>
  (answer, code) =>
    code === SPDM_CODE.GET_DIGESTS || code === SPDM_CODE.RESPOND_IF_READY
      ? {secured: false, payload: Uint8Array.of(0x12, 0x7f, 0x42, 0, exponent, SPDM_CODE.GET_DIGESTS, 1, 255)}
      : answer

describe('attest', () => {
  const kinds: readonly (readonly [string, LabSpec])[] = [
    ['1.1', {versions: ['1.1'], asym: 'ecdsa-p256', hash: 'sha256'}],
    ['1.2', {versions: ['1.2'], asym: 'ecdsa-p384', hash: 'sha384'}],
    ['1.3', {versions: ['1.3'], asym: 'ed25519', hash: 'sha512'}],
    ['1.4', {asym: 'ecdsa-p521', hash: 'sha3-384'}],
  ]
  it.each(kinds)('verifies a device of SPDM %s, and a session with it', async (version, spec) => {
    const {device, root, served} = await lab(spec)
    const result = await asking(device, {roots: [root], session: true})
    expect(result.error).toBeUndefined()
    expect(answersOf(result)).toEqual(ALL)
    const {attestation} = result
    expect(attestation).toMatchObject({
      verdict: 'verified',
      negotiated: {version, asym: spec.asym, hash: spec.hash},
      slot: 0,
      slots: [{slot: 0, chain: {problems: [], anchor: root}}],
      session: {
        steps: [
          'measurements: 6, signed',
          'heartbeat: answered',
          'keys: ours updated, then both',
          'IDE_KM: port 0 of 1, function 0000:01:00.0, 1 selective stream',
          'TDISP: version 1.0, 52 address bits, interface in CONFIG_UNLOCKED',
          'ended',
        ],
      },
    })
    expect(await served).toMatchObject({connections: 1, exchanges: attestation.exchanges, ended: 'shutdown'})
    expect(attestationText(attestation)).toMatch(/verified: everything that was asked\n$/)
  })

  it('verifies a device on MCTP, and a session with it, and writes what link type 291 carries', async () => {
    // others on MCTP have no protocols of PCI, and one that is built for debugging stops for good at their messages
    const vendor = vi.fn<() => undefined>()
    const {device, root} = await lab({versions: ['1.2'], transport: 'mctp'}, undefined, made => ({...made, vendor}))
    const transcriptFile = fresh('.pcap')
    const result = await asking(device, {roots: [root], session: true, transport: 'mctp', transcriptFile})
    expect(result.error).toBeUndefined()
    expect(answersOf(result)).toEqual(ALL)
    expect(result.attestation.session!.steps.slice(-2)).toEqual(['keys: ours updated, then both', 'ended'])
    expect(vendor).not.toHaveBeenCalled()
    const {records} = readCapture(new Uint8Array(readFileSync(transcriptFile)))!
    expect(new Set(records.map(({linkType}) => linkType))).toEqual(new Set([291]))
    const framed = records.map(unframer())
    expect(framed.map(({kind}) => kind)).toEqual(records.map(() => 'datagram'))
    expect(toHex(records[0]!.bytes)).toBe('010000c00510840000')
  })

  it('finds out that the other side expects other wrapping', async () => {
    const {device} = await lab({versions: ['1.2'], transport: 'mctp'})
    expect((await asking(device)).error).toMatchObject({got: 'it does not know the command NORMAL'})
  })

  it('speaks 1.0, where only measurements cover less', async () => {
    const {device, root} = await lab({versions: ['1.0'], asym: 'ecdsa-p256', hash: 'sha256'})
    const result = await asking(device, {roots: [root]})
    expect(result.error).toBeUndefined()
    expect(answersOf(result)).toEqual({...ALL, session: 'not asked'})
  })

  it('asks one by one, for raw values', async () => {
    const {device, root} = await lab({versions: ['1.2']})
    const result = await asking(device, {roots: [root], oneByOne: true, raw: true})
    expect(result.error).toBeUndefined()
    const {measurements, exchanges} = result.attestation
    expect(measurements!.map(({index, representation}) => [index, representation])).toEqual(
      [1, 2, 3, 4, 16, 254].map(index => [index, 'raw']),
    )
    expect(exchanges).toBeGreaterThan(254)
  })

  it('never says verified without a root, nor with another', async () => {
    const {device} = await lab()
    const other = await lab()
    const open = await asking(device)
    expect(open.error).toMatchObject({kind: 'review', hint: expect.stringContaining('--root')})
    expect(open.attestation.verdict).toBe('not verified')
    expect(answersOf(open)).toMatchObject({chain: 'not verified', key: 'yes', measurements: 'yes'})
    const second = await lab()
    const wrong = await asking(second.device, {roots: [other.root]})
    expect(wrong.error).toMatchObject({kind: 'denied', got: 'chain: it leads to none of the trusted roots'})
    expect(attestationText(wrong.attestation)).toMatch(/FAILED: do not rely on this device\n$/)
  })

  const MEASURED = SPDM_CODE.GET_MEASUREMENTS
  const lies: readonly (readonly [string, Meddle, string, string, RegExp])[] = [
    [
      'a challenge signed by somebody else',
      (answer, code) => (code === SPDM_CODE.CHALLENGE ? {...answer!, payload: flipped(answer!.payload, -1)} : answer),
      'key',
      'denied',
      /signature/,
    ],
    [
      'measurements that were changed on the way',
      (answer, code) => (code === MEASURED ? {...answer!, payload: flipped(answer!.payload, 20)} : answer),
      'measurements',
      'denied',
      /signature/,
    ],
    [
      'a chain that is not the announced one',
      (answer, code) =>
        code === SPDM_CODE.GET_CERTIFICATE ? {...answer!, payload: flipped(answer!.payload, -1)} : answer,
      'chain',
      'denied',
      /digest|chain/,
    ],
    [
      'a key exchange signed by somebody else',
      (answer, code) =>
        code === SPDM_CODE.KEY_EXCHANGE ? {...answer!, payload: flipped(answer!.payload, -60)} : answer,
      'session',
      'denied',
      /signature|verify/,
    ],
  ]
  it.each(lies)('says no to %s', async (_, meddle, id, kind, why) => {
    const {device, root} = await lab({versions: ['1.2']}, meddle)
    const result = await asking(device, {roots: [root], session: true})
    expect(answersOf(result)[id]).toBe('no')
    expect([result.error?.kind, result.attestation.verdict]).toEqual([kind, 'failed'])
    expect(result.error?.got).toMatch(why)
  })

  it('does not vouch for measurements that the device says have changed meanwhile', async () => {
    const CHANGED = 0x10
    const answer = ({payload}: Datagram): Uint8Array => payload.map((byte, i) => (i === 3 ? CHANGED : byte))
    let unsigned = 0
    const {device, root} = await lab(
      {versions: ['1.2']},
      (given, code) => (given !== undefined && code === MEASURED ? {...given, payload: answer(given)} : given),
      options => ({
        ...options,
        slots: options.slots.map(slot => ({
          ...slot,
          sign: question => {
            const {context, transcript} = question
            if (context !== 'responder-measurements signing') return slot.sign(question)
            const bytes = (transcript instanceof Uint8Array ? transcript : transcript.bytes()).slice()
            // MEASUREMENTS, which is behind GET_MEASUREMENTS with its nonce
            unsigned = bytes.findLastIndex((byte, i) => byte === 0x12 && bytes[i + 1] === 0xe0) + 37
            bytes[unsigned + 3] = CHANGED
            return slot.sign({...question, transcript: bytes})
          },
        })),
      }),
    )
    const result = await asking(device, {roots: [root]})
    expect(answersOf(result)).toMatchObject({key: 'yes', measurements: 'not verified', negotiation: 'yes'})
    expect([result.error?.kind, result.attestation.verdict]).toEqual(['review', 'not verified'])
    expect(result.error?.got).toMatch(/changed/)
  })

  it('does not call a session secure whose records can be read by anybody', async () => {
    const {device, root} = await lab(
      {versions: ['1.2']},
      answer => answer,
      options => ({
        ...options,
        capabilities: {encryptCap: false},
      }),
    )
    const result = await asking(device, {roots: [root], session: true})
    expect(answersOf(result)).toEqual({...ALL, session: 'not verified'})
    expect(result.error).toMatchObject({kind: 'review', got: expect.stringMatching(/not encrypted/)})
  })

  it('does not vouch for values that are others inside the session', async () => {
    let isOpen = false
    const {device, root} = await lab(
      {versions: ['1.2']},
      (answer, code) => {
        isOpen ||= code === SPDM_CODE.KEY_EXCHANGE
        return answer
      },
      options => ({
        ...options,
        get measurements() {
          return options.measurements.map(one => (isOpen && one.index === 2 ? {...one, value: Uint8Array.of(1)} : one))
        },
      }),
    )
    const result = await asking(device, {roots: [root], session: true})
    expect(answersOf(result)).toEqual({...ALL, measurements: 'not verified'})
    expect(result.error).toMatchObject({kind: 'review', got: expect.stringMatching(/block 2 .*inside the session/)})
  })

  it('ends a session in which something is refused', async () => {
    let isOpen = false
    const onSessionEnd = vi.fn<(session: number) => void>()
    const {device, root} = await lab(
      {versions: ['1.2']},
      (answer, code) => {
        isOpen ||= code === SPDM_CODE.KEY_EXCHANGE
        return answer
      },
      options => ({
        ...options,
        onSessionEnd,
        // nobody is left to sign what is measured inside
        get slots() {
          return isOpen ? [] : options.slots
        },
      }),
    )
    const result = await asking(device, {roots: [root], session: true})
    expect(answersOf(result)).toEqual({...ALL, session: 'not verified'})
    expect(onSessionEnd).toHaveBeenCalledOnce()
  })

  it('tells of a forged record in a session, not of what came of it', async () => {
    let records = 0
    const {device, root} = await lab({versions: ['1.2']}, (answer, code) =>
      // FINISH, measurements, heartbeat, four for the keys; then IDE_KM
      code === 0 && answer !== undefined && ++records === 8
        ? {...answer, payload: flipped(answer.payload, -1)}
        : answer,
    )
    const {error, attestation} = await asking(device, {roots: [root], session: true})
    expect(error).toMatchObject({kind: 'malformed', got: expect.stringContaining('not authentic')})
    expect(attestation.verdict).toBe('not verified')
    expect(attestationText(attestation)).not.toContain('nothing was found to be wrong')
  })

  const faults: readonly (readonly [string, Meddle, string])[] = [
    ['leaves at once', () => undefined, 'timeout'],
    ['leaves in the middle', (answer, code) => (code === SPDM_CODE.GET_CERTIFICATE ? undefined : answer), 'timeout'],
    [
      'changes its version',
      (answer, code) => (code === SPDM_CODE.CHALLENGE ? {...answer!, payload: flipped(answer!.payload, 0)} : answer),
      'malformed',
    ],
    [
      'sends less than it says',
      (answer, code) =>
        code === SPDM_CODE.GET_DIGESTS ? {...answer!, payload: answer!.payload.subarray(0, 20)} : answer,
      'malformed',
    ],
  ]
  it.each(faults)('keeps what was learnt of a device that %s', async (_, meddle, kind) => {
    const {device, root} = await lab({versions: ['1.2']}, meddle)
    const transcriptFile = fresh('.pcap')
    const {attestation, error, transcript} = await asking(device, {roots: [root], transcriptFile})
    expect(error?.kind).toBe(kind)
    expect(attestation.verdict).toBe('not verified')
    expect([transcript, readFileSync(transcriptFile).length > 24]).toEqual([transcriptFile, true])
  })

  const NOWHERE = join(scratch, 'nowhere', 'x')
  const places: readonly (readonly [string, Partial<AttestOptions>, string])[] = [
    ['in no directory', {bundleFile: NOWHERE}, 'not-found'],
    ['in no directory, with force', {transcriptFile: NOWHERE, force: true}, 'not-found'],
    ['of no name', {bundleFile: ''}, 'not-found'],
    ['that are directories', {transcriptFile: scratch, force: true}, 'usage'],
    ['of one name', {bundleFile: join(scratch, 'same'), transcriptFile: `${scratch}/./same`, force: true}, 'usage'],
  ]
  it.each(places)('asks nothing when its answers would go to files %s', async (_, options, kind) => {
    const {device, served} = await lab()
    await expect(asking(device, options)).rejects.toMatchObject({kind})
    stop()
    expect(await served).toMatchObject({connections: 0})
  })

  it('tells what was learnt when a file cannot be written after all', async () => {
    const {device, root} = await lab()
    const transcriptFile = fresh('.pcap')
    const result = await asking(device, {roots: [root], bundleFile: '/dev/full', transcriptFile})
    expect(result).toMatchObject({bundle: null, transcript: transcriptFile, attestation: {verdict: 'verified'}})
    expect(result.error).toMatchObject({kind: 'unsupported', message: expect.stringContaining('ENOSPC')})
  })

  it('tells of a false answer before it tells of a file', async () => {
    const {device, root} = await lab({}, (answer, code) =>
      answer !== undefined && code === SPDM_CODE.CHALLENGE ? {...answer, payload: flipped(answer.payload, -1)} : answer,
    )
    const {error} = await asking(device, {roots: [root], bundleFile: '/dev/full'})
    expect(error).toMatchObject({kind: 'denied'})
  })

  it('waits again and again without piling up listeners', async () => {
    const warnings: Error[] = []
    const note = (warning: Error): number => warnings.push(warning)
    process.on('warning', note)
    const {device} = await lab({versions: ['1.2']}, later(1))
    const {error} = await asking(device)
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', note)
    expect(error).toMatchObject({kind: 'timeout'})
    expect(warnings).toEqual([])
  })

  it('stops waiting when it is interrupted', async () => {
    const abort = new AbortController()
    const before = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const {device} = await lab({versions: ['1.2']}, (answer, code) => {
      if (code === SPDM_CODE.GET_DIGESTS) setTimeout(() => abort.abort(), 20)
      return later(24)(answer, code)
    })
    const {error} = await asking(device, {signal: abort.signal})
    expect(error).toMatchObject({kind: 'interrupted'})
    stop()
    // a timer that went on would keep the program from ending
    expect(process.getActiveResourcesInfo().filter(name => name === 'Timeout').length).toBeLessThanOrEqual(before)
  })

  it('writes evidence that verify appraises, and a capture of every exchange', async () => {
    const {device, root} = await lab({versions: ['1.2']})
    const [bundleFile, transcriptFile] = [fresh('.tsmb.json'), fresh('.pcap')]
    const {bundle, error, attestation} = await asking(device, {roots: [root], bundleFile, transcriptFile})
    expect(error).toBeUndefined()
    expect([bundleFile, transcriptFile].map(file => statSync(file).mode % 0o1000)).toEqual([0o600, 0o600])
    const read = bundleFromJson(readFileSync(bundleFile))
    expect(bundle).toEqual({digest: read.digest, file: bundleFile})
    expect([...read.objects.keys()]).toEqual(['cert0', 'vca', 'measurements'])
    const policy = readPolicy([policyFor(root, attestation.measurements!)], new Date())
    const {results, decision, subject} = await verifyBundle(kernel, read, policy, new Date())
    const outcomeOf = (id: string) => results.find(result => result.id === id)?.result
    for (const id of ['spdm.meas.signature', 'spdm.meas.nonce', 'spdm.vca.covered', 'spdm.chain.root-pinned'])
      expect([id, outcomeOf(id)]).toEqual([id, 'pass'])
    expect(subject.name).toBe('Lab:device:0')
    // nobody admits a device on the word of a file
    expect([decision, outcomeOf('acq.source.live'), outcomeOf('acq.device.present')]).toEqual(['deny', 'skip', 'fail'])
    const capture = readFileSync(transcriptFile)
    expect([capture.readUInt32LE(0), capture.readUInt32LE(20)]).toEqual([0xa1b23c4d, 292])
    let packets = 0
    for (let at = 24; at < capture.length; at += 16 + capture.readUInt32LE(at + 8)) packets++
    expect(packets).toBe(2 * attestation.exchanges)
    const again = asking(device, {roots: [root], bundleFile})
    await expect(again).rejects.toMatchObject({kind: 'usage', got: expect.stringContaining('exists already')})
  })

  it('asks the slot that was named, and says when it is empty', async () => {
    const {device, root} = await lab({versions: ['1.2']})
    const ask = (slot: number) => asking(device, {roots: [root], slot, shutdown: false})
    expect((await ask(0)).attestation).toMatchObject({slot: 0, verdict: 'verified'})
    const {error, attestation} = await ask(5)
    expect(error).toMatchObject({kind: 'not-found', hint: expect.stringContaining('0')})
    expect([attestation.slot, attestation.verdict]).toEqual([null, 'not verified'])
  })

  it('compares with the values of a policy', async () => {
    const {device, root} = await lab({versions: ['1.2']})
    const ask = (policies: readonly string[]) => asking(device, {roots: [root], policies, shutdown: false})
    const values = (await ask([])).attestation.measurements!
    const same = await ask([policyFor(root, values)])
    expect(same.error).toBeUndefined()
    expect([answersOf(same)['reference'], same.attestation.measurements!.map(({status}) => status)]).toEqual([
      'yes',
      values.map(() => 'approved'),
    ])
    const other = await ask([policyFor(root, values, 2)])
    expect(other.error).toMatchObject({kind: 'denied', got: expect.stringContaining('block 2 value')})
    const {attestation, error} = await ask([policyFor(root, values.slice(1))])
    expect(attestation.questions.find(({id}) => id === 'reference')).toMatchObject({answer: 'no'})
    expect(error?.kind).toBe('denied')
    const strange = fresh('.yaml')
    writeFileSync(strange, readFileSync(policyFor(root, values), 'utf8').replace('Lab:*', 'Else:*'), {mode: 0o600})
    expect((await ask([strange])).error).toMatchObject({kind: 'review', got: expect.stringContaining('no rule')})
  })

  it.each([
    [
      'denies the device by its name',
      /^rules:/m,
      'deny: [{device: "Lab:device:0", reason: stolen in May}]\nrules:',
      /stolen/,
    ],
    ['denies by its rule', /decision: review/, 'decision: deny', /lab-device .*denies/],
    [
      'is for other devices of its vendor',
      /\{mode: any-from-anchor\}/,
      `{mode: allowlist, allow: [{certSha384: "sha384:${'ab'.repeat(48)}"}]}`,
      /pinned|certificate/,
    ],
  ])('says no where the policy %s, whatever the values are', async (_, what, instead, why) => {
    const {device, root} = await lab({versions: ['1.2']})
    const ask = (policies: readonly string[]) => asking(device, {roots: [root], policies, shutdown: false})
    const file = policyFor(root, (await ask([])).attestation.measurements!)
    const changed = fresh('.yaml')
    writeFileSync(changed, readFileSync(file, 'utf8').replace(what, instead), {mode: 0o600})
    const {error, attestation} = await ask([changed])
    expect(attestation.questions.find(({id}) => id === 'reference')).toMatchObject({answer: 'no'})
    expect(error).toMatchObject({kind: 'denied', got: expect.stringMatching(why)})
  })

  it('goes through a mailbox when it is told to, and leaves it free', async () => {
    const made = await labDeviceOf({versions: ['1.2']})
    const responder = new Responder(made.options)
    const root = fresh('.der')
    writeFileSync(root, made.root)
    const machine = await make('bare-device')
    const answer = ({type, payload}: {readonly type: number; readonly payload: Uint8Array}) => {
      const response = responder.respond({secured: type === SECURED_CMA_SPDM.type, payload})
      return response && {...(response.secured ? SECURED_CMA_SPDM : CMA_SPDM), payload: response.payload}
    }
    const host = machine.open({...virtualClock(), mailboxes: () => ({answer})})
    const ask = (useMailbox: boolean) =>
      attest(host, {...DEFAULTS, device: GPU, roots: [root], session: true, useMailbox})
    await expect(ask(false)).rejects.toMatchObject({kind: 'usage', hint: expect.stringContaining('--use-mailbox')})
    const result = await ask(true)
    expect([result.error, answersOf(result), result.attestation.peer]).toEqual([undefined, ALL, GPU])
    expect(result.attestation.session!.steps.at(-2)).toContain('TDISP')
    host.lock(`doe-${GPU}`)()
  })

  it('ends when the user does', async () => {
    const abort = new AbortController()
    const {device} = await lab({}, (answer, code) => {
      if (code === SPDM_CODE.CHALLENGE) abort.abort()
      return answer
    })
    const {error, attestation} = await asking(device, {signal: abort.signal})
    expect(error?.kind).toBe('interrupted')
    expect(attestation.verdict).toBe('not verified')
  })
})
