/** `ide list` and `ide show` as scripts run them. */
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {captureOf, config, DEVICE, ROOT, space, tree, VF} from '../operations/ide-tree.js'
import {root, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-ide-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))

function replay(name: string, nodes: ReturnType<typeof tree>): {host: string} {
  const file = join(scratch, `${name}.json`)
  writeFileSync(file, captureOf(nodes))
  return {host: `replay:${file}`}
}

const STREAM = 'pci0000:00/stream0.0.0'

describe.skipIf(!existsSync(join(root, 'dist')))('ide (needs a build)', () => {
  const connected = replay('connected', tree(true))
  const broken = replay('broken', {...tree(true), [config(DEVICE)]: space(0, false)})

  it('lists the machine', () => {
    const {code, out, err} = tsmctl(['ide', 'list'], connected)
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe(
      [
        'PORT              ROLE         CAPABILITY  USABLE  IN USE  FREE  STREAMS',
        'pci0000:00        host bridge  -           4       1       3',
        '  0000:00:01.0    root port    2           2       1       1     stream0.0.0 ID 0 secure',
        '    0000:01:00.0  endpoint     2           2       1       1     stream0.0.0 ID 0 secure',
        '',
      ].join('\n'),
    )
  })

  it('lists it as JSON', () => {
    const {code, json} = tsmctlJson(['ide', 'list'], connected)
    const port = {bridge: 'pci0000:00', capability: 2, usable: 2, inUse: 1, free: [1], ignored: null, unknown: null}
    expect([code, json.data]).toEqual([
      0,
      {
        bridges: [
          {
            name: 'pci0000:00',
            hasPool: true,
            pool: 4,
            available: 3,
            slots: [0],
            liveIds: [{streamId: 0, functions: [ROOT, DEVICE]}],
            heldIds: [],
            unread: [],
            unknown: null,
          },
        ],
        ports: [
          {bdf: ROOT, role: 'root port', rootPort: null, ...port},
          {bdf: DEVICE, role: 'endpoint', rootPort: ROOT, ...port},
        ],
        streams: [
          {
            kind: 'selective',
            bridge: 'pci0000:00',
            name: 'stream0.0.0',
            slot: 0,
            streamId: 0,
            state: 'secure',
            near: {bdf: ROOT, block: 0},
            far: {bdf: DEVICE, block: 0},
            unknown: null,
          },
        ],
        findings: [],
      },
    ])
  })

  it('says that there is no IDE, where there is none and everything was read', () => {
    const express = {...tree(false), [config(DEVICE)]: new Uint8Array(256), [config(ROOT)]: new Uint8Array(256)}
    expect(tsmctl(['ide', 'list'], replay('none', express)).out).toContain('no function of this machine has an IDE')
    expect(tsmctl(['ide', 'list'], connected).out).not.toContain('no function')
  })

  it('tells findings and what to do, and that is no failure of the command', () => {
    const {code, out} = tsmctl(['ide', 'list'], broken)
    expect(code).toBe(0)
    expect(out).toMatch(/\nerror stream-one-sided\n {2}pci0000:00\/stream0\.0\.0: .*disabled\n {2}Disconnect /)
    const {json} = tsmctlJson(['ide', 'list'], broken)
    expect(json.data.findings).toMatchObject([{code: 'stream-one-sided', severity: 'error', subject: STREAM}])
  })

  it.each([[STREAM], ['stream0.0.0']])('shows a stream by its name, %s', name => {
    const {code, json} = tsmctlJson(['ide', 'show', name], connected)
    expect(code).toBe(0)
    const [stream] = json.data.subjects[0].streams
    expect(json.data.subjects).toMatchObject([{subject: STREAM, kind: 'stream', port: null, findings: []}])
    for (const block of [stream.nearBlock, stream.farBlock])
      expect(block).toMatchObject({
        enabled: true,
        streamId: 0,
        state: 'secure',
        owner: STREAM,
        algorithm: 'AES-GCM-256, 96-bit MAC',
        trafficClass: 0,
        aggregation: {npr: 'off', pr: 'off', cpl: 'off'},
        rid: {valid: true, base: '0000:00:00.0', limit: '0000:ff:1f.7', segment: 0},
      })
  })

  it('shows functions and host bridges, several at once', () => {
    const {code, json} = tsmctlJson(['ide', 'show', '01:00.0', '01:00.1', 'pci0000:00', '01:00.0'], connected)
    expect(code).toBe(0)
    expect(json.data.subjects).toMatchObject([
      {
        subject: DEVICE,
        kind: 'function',
        port: {bdf: DEVICE},
        blocks: [{owner: STREAM}, {owner: null, idle: 'enumerated'}],
      },
      {subject: VF, kind: 'function', port: null, note: expect.stringContaining(DEVICE), streams: []},
      {subject: 'pci0000:00', kind: 'bridge', bridge: {slots: [0]}, streams: [{name: 'stream0.0.0'}]},
    ])
  })

  it('puts both ends side by side', () => {
    const {out} = tsmctl(['ide', 'show', STREAM], connected)
    expect(out.split('\n')[0]).toBe(`${STREAM}: secure, Stream ID 0, slot 0`)
    expect(out).toMatch(/ROOT PORT +ENDPOINT\n {2}function +0000:00:01\.0 +0000:01:00\.0\n/)
  })

  it('what the machine does not have is not found, and what it has is shown all the same', () => {
    const {code, json} = tsmctlJson(['ide', 'show', '01:00.0', '02:00.0', 'stream5.0.0'], connected)
    expect(code).toBe(3)
    expect(json.error).toMatchObject({kind: 'not-found', subject: '02:00.0'})
    expect(json.data.subjects).toHaveLength(1)
    for (const name of ['pci0000:80', 'pci0000:80/stream0.0.0'])
      expect(tsmctl(['ide', 'show', name], connected).code).toBe(3)
  })

  it.each([['nonsense'], ['\u001b[31m'], ['stream1'], ['pci0000:00/01:00.0/x']])('%j is no name', name => {
    const {code, out, err} = tsmctl(['ide', 'show', name], connected)
    expect([code, out]).toEqual([2, ''])
    // oxlint-disable-next-line no-control-regex
    expect(err).not.toMatch(/\u001b/)
  })
})
