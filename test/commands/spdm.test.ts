/** `spdm attest` against `spdm respond`, as two programs on one machine. */
import {existsSync, mkdtempSync, readFileSync, rmSync, statSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {root, start, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-spdm-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))

/** A responder of its own process; `ended` gives its exit code and all it said. */
async function responder(...args: readonly string[]) {
  const program = start(['spdm', 'respond', '--listen', '127.0.0.1:0', ...args])
  let said = ''
  const ended = new Promise<{code: number | null; said: string}>(resolve => {
    program.on('close', code => resolve({code, said}))
  })
  const device = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString()
      const found = /listening on (tcp:\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    }
    program.stdout.on('data', listen)
    program.stderr.on('data', listen)
    program.on('close', () => reject(new RangeError(`it ended: ${said}`)))
  })
  return {device, ended, interrupt: () => program.kill('SIGINT')}
}

describe.skipIf(!existsSync(join(root, 'dist')))('spdm (needs a build)', () => {
  it('attests a lab device in three commands, and keeps the evidence', async () => {
    const [anchor, bundle, capture] = ['root.pem', 'lab.tsmb.json', 'lab.pcap'].map(name => join(scratch, name))
    const {device, ended} = await responder('--root-out', anchor!, '--spdm-version', '1.2')
    const asking = ['spdm', 'attest', device]
    const open = tsmctlJson(asking)
    expect([open.code, open.json.data.verdict]).toEqual([10, 'not verified'])
    expect(open.json.error).toMatchObject({kind: 'review', details: {questions: ['chain']}})
    const files = ['--out', bundle!, '--transcript', capture!]
    const {code, json} = tsmctlJson([...asking, '--root', anchor!, '--session', '--shutdown', ...files])
    expect(code).toBe(0)
    expect(json).toMatchObject({
      schema: 'tsmctl.spdm-attest/1',
      ok: true,
      data: {
        peer: device,
        verdict: 'verified',
        questions: [
          {id: 'chain', answer: 'yes'},
          {id: 'key', answer: 'yes'},
          {id: 'measurements', answer: 'yes'},
          {id: 'reference', answer: 'not asked'},
          {id: 'negotiation', answer: 'yes'},
          {id: 'session', answer: 'yes'},
        ],
        negotiated: {version: '1.2', hash: 'sha384', asym: 'ecdsa-p384'},
        bundle: {file: bundle},
        transcript: capture,
      },
      error: null,
    })
    const responded = await ended
    expect(responded.code).toBe(0)
    expect(responded.said).toMatch(/exchanges in 2 connections, ended by a client\n$/)
    expect(readFileSync(anchor!, 'latin1')).toMatch(/^-----BEGIN CERTIFICATE-----\n/)
    expect([bundle!, capture!].map(file => statSync(file).mode % 0o1000)).toEqual([0o600, 0o600])
    const decoded = tsmctl(['decode', 'spdm', capture!])
    expect([decoded.code, decoded.out]).toEqual([0, expect.stringMatching(/signature of KEY_EXCHANGE_RSP: valid/)])
    const verified = tsmctlJson(['verify', bundle!])
    expect([verified.code, verified.json.data.appraisal.D]).toEqual([11, json.data.bundle.digest])
  })

  it('says everything in words, and masks who it was', async () => {
    const {device, ended} = await responder('--asym', 'ecdsa-p256', '--hash', 'sha256')
    const {code, out, err} = tsmctl(['spdm', 'attest', device, '--shutdown', '--redact'])
    expect(code).toBe(10)
    expect(out).toContain('signatures    ecdsa-p256  sha256')
    expect(out).toContain('not verified  Does the certificate chain hold, up to a root that you trust?')
    expect(out).toMatch(/NOT VERIFIED: .*\n$/)
    expect(out).not.toMatch(/CN=device 0|Lab:device/)
    expect(err).toContain('--root')
    await ended
  })

  it('ends cleanly on Ctrl-C', async () => {
    const {ended, interrupt} = await responder()
    interrupt()
    const {code, said} = await ended
    expect([code, said]).toEqual([0, expect.stringMatching(/0 exchanges in 0 connections, ended by the user\n$/)])
  })

  it.each([
    [['attest', 'tcp://127.0.0.1:1'], 3, 'Is a responder listening there?'],
    [['attest', 'tcp://127.0.0.1:99999'], 2, 'there is no port 99999'],
    [['attest', 'udp://127.0.0.1:1'], 2, 'tcp://HOST:PORT'],
    [['attest', '127.0.0.1:2323'], 2, 'tcp://HOST:PORT'],
    [['attest', 'tcp://127.0.0.1:1', '--root', '/dev/null'], 5, 'as a trusted root'],
    [['respond', '--listen', '0.0.0.0:0'], 2, 'other machines could reach it'],
    [['respond', '--asym', 'dsa'], 2, 'ecdsa-p384'],
  ])('%j ends with %i', (args, code, text) => {
    const result = tsmctl(['spdm', ...args])
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(text)])
  })
})
