/** A directory of many bundles: every one gets its line, in order, whatever the others are. */
import {mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as v from 'valibot'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {Policy} from '../../src/appraisal/index.js'
import {fleetEnd, fleetFailure, fleetLine, fleetSummary, fleetText} from '../../src/cli/fleet-lines.js'
import {FLEET_VERDICT} from '../../src/cli/schemas/index.js'
import {bundleToCbor, bundleToFiles, bundleToJson} from '../../src/evidence/index.js'
import {workerPool} from '../../src/kernel/index.js'
import {appraiseFleet, type FleetVerdict, isFleet, noVerdicts} from '../../src/operations/fleet/index.js'
import {G1} from '../appraisal/bases/index.js'
import {ALLOW_SKIP, policyFrom, ruleWith} from '../appraisal/forge.js'
import {NOW} from '../appraisal/guest.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-fleet-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const fleet = join(scratch, 'fleet')
let policy: Policy

beforeAll(async () => {
  const untrusted = {check: 'acq.time.trusted', because: 'clock-untrusted'}
  const rule = {allowSkip: [...ALLOW_SKIP, untrusted], time: {validity: 'floor-only'}}
  policy = policyFrom(ruleWith(rule))
  const sound = await G1.forge()
  const put = (name: string, text: string | Uint8Array): void => {
    mkdirSync(join(fleet, name, '..'), {recursive: true})
    writeFileSync(join(fleet, name), text)
  }
  put('b/good.tsmb.json', bundleToJson(sound))
  put('a.tsmb.json', bundleToJson(await G1.forge({report: new Uint8Array(15)})))
  put('altered.tsmb.json', bundleToJson(sound).replace('"cert0": ["application/', '"cert0": ["text/'))
  put('empty.tsmb.json', '')
  put('nested.tsmb.json', '['.repeat(1_000_000))
  put('\u001b[2J.tsmb.json', '{}')
  put('README', 'not a bundle')
  for (const [name, bytes] of bundleToFiles(sound)) put(`c/rack/device/${name}`, bytes)
  put('d.tsmb.json/e.tsmb.json', 'a directory of that name is only a directory')
  put('e.tsmb.cbor', await bundleToCbor(sound))
  put('e/cut.tsmb.cbor', (await bundleToCbor(sound)).slice(0, -1))
  for (const label of ['cert0', 'measurements'] as const) put(`f/${label}.bin`, sound.objects.get(label)!)
  put('missing/manifest.json', bundleToFiles(sound).get('manifest.json')!)
  symlinkSync('..', join(fleet, 'loop'))
})

async function verdicts(options: Partial<Parameters<typeof appraiseFleet>[1]> = {}, counts = noVerdicts()) {
  const found: FleetVerdict[] = []
  const signal = new AbortController().signal
  for await (const one of appraiseFleet(fleet, {policy, now: NOW, signal, ...options}, counts)) found.push(one)
  return found
}

const EXPECTED = [
  ['\u001b[2J.tsmb.json', 'malformed'],
  ['a.tsmb.json', 'deny'],
  ['altered.tsmb.json', 'malformed'],
  ['b/good.tsmb.json', 'accept'],
  ['c/rack/device', 'accept'],
  ['d.tsmb.json/e.tsmb.json', 'malformed'],
  ['e/cut.tsmb.cbor', 'malformed'],
  ['e.tsmb.cbor', 'accept'],
  ['empty.tsmb.json', 'malformed'],
  ['f', 'malformed'],
  ['missing', 'malformed'],
  ['nested.tsmb.json', 'malformed'],
] as const

describe('a directory of bundles', () => {
  it('is appraised in the order of names, and no bundle harms another', async () => {
    const counts = noVerdicts()
    const found = await verdicts({}, counts)
    expect(found.map(({file, decision, error}) => [file, decision ?? error?.kind])).toEqual(EXPECTED)
    expect(found[1]).toMatchObject({ear: 'contraindicated', failed: ['tdisp.report.framing'], error: null})
    expect(found[3]).toMatchObject({rule: 'widget', bdf: '0000:01:00.0', failed: [], error: null})
    expect(counts).toEqual({bundles: 12, accept: 3, review: 0, deny: 1, errors: 8, ignored: 2})
    expect(fleetSummary(counts)).toBe(
      '12 bundles: 3 accept, 0 review, 1 deny, 8 without a verdict; 2 other files were not looked at\n',
    )
  })

  it('is told in documents of their schema, and in lines that drive no terminal', async () => {
    const found = await verdicts()
    const documents = [
      ...found.map((one, seq) => fleetLine(seq, one)),
      fleetEnd(found.length, NOW, policy.digest, noVerdicts(), null, []),
    ]
    for (const line of documents) {
      expect(v.safeParse(FLEET_VERDICT, JSON.parse(line)).issues).toBeUndefined()
      expect(line).toMatch(/^[\x20-\x7e]+\n$/)
    }
    for (const one of found) expect(fleetText(one)).toMatch(/^(ACCEPT|DENY|ERROR) [\x20-\x7e]+\n$/)
  })

  it('ends with what is done when it is interrupted', async () => {
    const abort = new AbortController()
    const found: string[] = []
    for await (const {file} of appraiseFleet(fleet, {policy, now: NOW, signal: abort.signal})) {
      found.push(file)
      if (found.length === 2) abort.abort()
    }
    expect(found).toEqual(['\u001b[2J.tsmb.json', 'a.tsmb.json'])
  })

  it('is neither one bundle nor one dump', () => {
    expect(isFleet(fleet)).toBe(true)
    expect(isFleet(join(fleet, 'c/rack/device'))).toBe(false)
    expect(isFleet(join(fleet, 'a.tsmb.json'))).toBe(false)
    expect(isFleet(join(scratch, 'nothing'))).toBe(false)
  })

  it.each([
    [{}, 'not-found'],
    [{bundles: 4, accept: 4}, undefined],
    [{bundles: 4, accept: 3, review: 1}, 'review'],
    [{bundles: 4, review: 3, deny: 1}, 'denied'],
    [{bundles: 4, deny: 3, errors: 1}, 'malformed'],
  ])('%o ends as the worst of them: %s', (counts, kind) => {
    expect(fleetFailure('fleet', {...noVerdicts(), ...counts})?.kind).toBe(kind)
  })
})

/** A script of a thread, as a URL. */
const script = (body: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import {parentPort} from 'node:worker_threads'\nparentPort.on('message', task => {${body}})`)}`,
  )

describe('threads', () => {
  const SCRIPT = script(`
    if (task === 'die') process.exit(3)
    if (task === 'throw') throw new Error('poisoned')
    if (task === 'hang') for (;;);
    parentPort.postMessage(task * 2)
  `)
  const limits = {threads: 2, patience: 1000, heap: 64}

  it('answer every task, and one that dies, throws or hangs costs its own only', async () => {
    const pool = workerPool<number | string, number>(SCRIPT, null, limits)
    const tasks = [1, 'die', 2, 'throw', 3, 'hang', 4, 5]
    const outcomes = await Promise.all(
      tasks.map(task =>
        pool.run(task).catch((error: unknown) => `${(error as {kind: string}).kind}: ${(error as Error).message}`),
      ),
    )
    await pool.close()
    expect(outcomes).toEqual([
      2,
      expect.stringMatching(/^unsupported: .*ended with code 3/),
      4,
      expect.stringMatching(/^unsupported: .*poisoned/),
      6,
      expect.stringMatching(/^timeout: .*no answer within 1 s/),
      8,
      10,
    ])
  })

  it('end when they are told to, whatever they are at', async () => {
    const pool = workerPool<string, number>(SCRIPT, null, limits)
    const left = ['hang', 'hang', 'hang'].map(task => pool.run(task).then(String, (error: Error) => error.message))
    await pool.close()
    for (const message of await Promise.all(left)) expect(message).toContain('interrupted')
    await expect(pool.run('late')).rejects.toMatchObject({kind: 'interrupted'})
  })

  it('appraise a fleet as this thread does, and a bundle whose thread dies has no verdict', async () => {
    const dying = script(`
      if (task.name.startsWith('b')) process.exit(1)
      parentPort.postMessage({file: task.name, decision: 'accept', failed: [], error: null})
    `)
    const counts = noVerdicts()
    const found = await verdicts({script: dying, jobs: 3}, counts)
    expect(found.map(({file}) => file)).toEqual(EXPECTED.map(([file]) => file))
    expect(found.filter(({error}) => error !== null).map(({file}) => file)).toEqual(['b/good.tsmb.json', 'f'])
    expect(counts).toMatchObject({bundles: 12, accept: 10, errors: 2})
  })

  it('are given the policy as it is', () => {
    expect(structuredClone(policy)).toEqual(policy)
  })
})
