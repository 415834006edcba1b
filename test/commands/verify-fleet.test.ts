/** `verify DIR` as people and scripts run it: documents, lines, exit codes, threads of the built program. */
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as v from 'valibot'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {FLEET_VERDICT} from '../../src/cli/schemas/index.js'
import {bundleToJson} from '../../src/evidence/index.js'
import {G1} from '../appraisal/bases/index.js'
import {ALLOW_SKIP, ruleWith} from '../appraisal/forge.js'
import {root, tsmctl, tsmctlProcess} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-verify-fleet-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const fleet = join(scratch, 'fleet')
const policy = join(scratch, 'policy.yaml')

beforeAll(async () => {
  mkdirSync(join(fleet, 'rack'), {recursive: true})
  const allowSkip = [...ALLOW_SKIP, {check: 'acq.time.trusted', because: 'clock-untrusted'}]
  const rule = {allowSkip, time: {validity: 'floor-only'}, maxEvidenceAgeSeconds: 3600}
  writeFileSync(policy, JSON.stringify(ruleWith(rule)), {mode: 0o600})
  // the program has a clock of its own
  const facts = {collectedAt: new Date().toISOString()}
  for (const name of ['a', 'rack/b', 'rack/c'])
    writeFileSync(join(fleet, `${name}.tsmb.json`), bundleToJson(await G1.forge({facts})))
})

const run = (...args: string[]) => tsmctl(['verify', fleet, '--policy', policy, ...args], {host: 'live'})

it('appraises every bundle in threads, and prints one document each and a last one', () => {
  const {code, out, err} = tsmctlProcess(['verify', fleet, '--policy', policy, '--json', '--jobs', '2'])
  expect(err).toBe('')
  expect(code).toBe(0)
  const documents = out
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  for (const document of documents) expect(v.safeParse(FLEET_VERDICT, document).issues).toBeUndefined()
  expect(documents.map(({seq, file, decision}) => [seq, file, decision])).toEqual([
    [0, 'a.tsmb.json', 'accept'],
    [1, 'rack/b.tsmb.json', 'accept'],
    [2, 'rack/c.tsmb.json', 'accept'],
    [3, undefined, undefined],
  ])
  expect(documents[3]).toMatchObject({kind: 'summary', bundles: 3, accept: 3, error: null})
})

it('ends as the worst bundle, and shows people which it is', () => {
  const poisoned = join(fleet, 'rack/d.tsmb.json')
  writeFileSync(poisoned, '{"__cmwc_t":')
  const {code, out, err} = run()
  rmSync(poisoned)
  expect(code).toBe(5)
  expect(out).toMatch(/^ERROR {3}- +rack\/d\.tsmb\.json {2}cannot /m)
  expect(out).toMatch(/^ACCEPT {2}\w+ +rack\/c\.tsmb\.json$/m)
  expect(out).toMatch(/4 bundles: 3 accept, 0 review, 0 deny, 1 without a verdict\n$/)
  expect(err).toContain('1 of 4 have no verdict')
})

it('refuses what is for one bundle, and a policy that cannot be used', () => {
  expect(run('--redact')).toMatchObject({code: 2})
  expect(run('--jobs', '0')).toMatchObject({code: 2})
  const unusable = join(scratch, 'unusable.yaml')
  writeFileSync(unusable, 'tsmctlPolicy: 2')
  expect(tsmctl(['verify', fleet, '--policy', unusable])).toMatchObject({code: 11, out: ''})
})

it('ships the schema of its documents', () => {
  expect(readFileSync(join(root, 'schema/fleet-verdict-1.json'), 'utf8')).toContain('tsmctl.fleet-verdict/1')
})
