/** The end of the audit log, told to others. */
import {generateKeyPairSync} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {AUDIT_FILE, openAudit, signingKey, verifyAuditChain} from '../../src/appraisal/index.js'
import {ErrnoError} from '../../src/errors.js'
import type {Kernel, ProgramCommand, ProgramResult} from '../../src/kernel/index.js'
import {publishHead} from '../../src/operations/audit-head.js'
import {selectRecords} from '../../src/operations/audit.js'
import {recordAudit} from '../../src/operations/record-audit.js'
import {auditKernel} from '../appraisal/audit-kernel.js'

interface Told {
  readonly commands: {readonly command: ProgramCommand; readonly input: string}[]
  readonly writes: {readonly path: string; readonly bytes: Uint8Array}[]
}

function machine(result: Partial<ProgramResult> = {}, busy = 0) {
  const told: Told = {commands: [], writes: []}
  const inner = auditKernel()
  let refusals = busy
  const kernel = {
    ...inner,
    actor: () => ({uid: 0, loginuid: null, user: 'root', tty: null}),
    read: (path: string) => {
      throw new ErrnoError('ENOENT', 'read', path)
    },
    lock(name: string) {
      if (refusals-- > 0) throw new ErrnoError('EBUSY', 'lock', name)
      return inner.lock(name)
    },
    runProgram: (command: ProgramCommand, input: Uint8Array) => {
      told.commands.push({command, input: Buffer.from(input).toString()})
      return Promise.resolve({ended: 'exit', code: 0, output: new Uint8Array(), ...result})
    },
    write: (path: string, bytes: Uint8Array) => {
      told.writes.push({path, bytes})
      return Promise.resolve()
    },
  } as unknown as Kernel
  return {kernel, told, log: () => verifyAuditChain(inner.state.read(AUDIT_FILE)!)}
}

const KEY = signingKey(
  Buffer.from(generateKeyPairSync('ed25519').privateKey.export({type: 'pkcs8', format: 'pem'}) as string),
)

describe('publishing a head', () => {
  it('signs it, tells it, extends the register by it, and notes all that before', async () => {
    const {kernel, told, log} = machine()
    const {digest} = openAudit(kernel).record({event: 'locked', bdf: null})
    const head = await publishHead(kernel, {key: KEY, publish: ['journald', 'syslog', 'rtmr:3']})
    expect(head).toMatchObject({seq: 0, digest, published: [{failure: null}, {failure: null}, {failure: null}]})
    expect(head.signature).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(told.commands.map(({command}) => command[0])).toEqual(['/usr/bin/logger', '/usr/bin/logger'])
    expect(told.commands[0]!.input).toContain(`TSMCTL_AUDIT_HEAD=${digest}\n`)
    expect(told.commands[1]!.input).toContain(`tsmctl audit head 0 ${digest} `)
    expect(told.writes).toEqual([
      {
        path: '/sys/devices/virtual/misc/tdx_guest/measurements/rtmr3:sha384',
        bytes: new Uint8Array(Buffer.from(digest.slice('sha384:'.length), 'hex')),
      },
    ])
    const {records, problems} = log()
    expect(problems).toEqual([])
    expect(records.map(({event}) => event)).toEqual(['locked', 'head'])
    expect(records[1]).toMatchObject({result: {seq: 0, digest, registers: 'rtmr:3', to: 'journald,syslog,rtmr:3'}})
  })

  it.each<[string, Partial<ProgramResult>, string]>([
    ['fails', {code: 1}, '/usr/bin/logger: exit code 1'],
    ['hangs', {ended: 'timeout', code: null}, '/usr/bin/logger: it took too long'],
  ])('says and notes it when the logger %s', async (_, result, failure) => {
    const {kernel, log} = machine(result)
    openAudit(kernel).record({event: 'locked', bdf: null})
    expect((await publishHead(kernel, {publish: ['syslog']})).published).toEqual([{to: 'syslog', failure}])
    const {records, problems} = log()
    expect(problems).toEqual([])
    expect(records.map(({event}) => event)).toEqual(['locked', 'head', 'head'])
  })

  it('refuses registers that are not ours, and an empty log', async () => {
    const {kernel, told} = machine()
    await expect(publishHead(kernel)).rejects.toMatchObject({kind: 'not-found'})
    openAudit(kernel).record({event: 'locked', bdf: null})
    const {published} = await publishHead(kernel, {publish: ['rtmr:0']})
    expect(published[0]!.failure).toContain('only 2 and 3')
    expect(told.writes).toEqual([])
  })
})

it('a record waits for another tsmctl that is writing its own', () => {
  const {kernel, log} = machine({}, 3)
  recordAudit(kernel, 'locked', {bdf: '0000:01:00.0'})
  expect(log()).toMatchObject({problems: [], records: [{event: 'locked'}]})
})

const record = (seq: number, event: string, bdf: string, D: string, ts: string) =>
  ({v: 1, seq, prev: '', event, ts, mono: '1', bootId: null, device: {bdf}, evidence: {D: `sha384:${D}`}}) as const

it('records are selected by event, device, evidence, time and number', () => {
  const records = [
    record(0, 'locked', '0000:01:00.0', 'aa11', '2026-11-21T10:00:00Z'),
    record(1, 'decided', '0000:01:00.0', 'aa22', '2026-11-21T11:00:00Z'),
    record(2, 'locked', '0000:02:00.0', 'bb11', '2026-11-21T12:00:00Z'),
  ]
  const selected = (filter: Parameters<typeof selectRecords>[1]) => selectRecords(records, filter).map(({seq}) => seq)
  expect(selected({})).toEqual([0, 1, 2])
  expect(selected({events: ['locked']})).toEqual([0, 2])
  expect(selected({bdf: '0000:01:00.0', events: ['decided', 'committed']})).toEqual([1])
  expect(selected({evidence: 'sha384:aa'})).toEqual([0, 1])
  expect(selected({since: new Date('2026-11-21T11:00:00Z')})).toEqual([1, 2])
  expect(selected({last: 2})).toEqual([1, 2])
  expect(selected({last: 5, evidence: 'bb'})).toEqual([2])
})
