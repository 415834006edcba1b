/** `spdm attest` of a simulated machine's own devices, through their DOE mailboxes, against the machine's own policy. */
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, expect, it} from 'vitest'
import {attest} from '../../src/operations/spdm-attest.js'
import {bundleFromJson} from '../../src/evidence/index.js'
import {readUserFile} from '../../src/kernel/index.js'
import {simKernel} from '../../src/sim/index.js'
import {DEBUG, GOOD, guestDirectory, PLAIN} from '../support/guest.js'

let directory = ''
beforeAll(async () => {
  directory = await guestDirectory('bare-device')
})

const asking = (device: string, more: object = {}) =>
  attest(simKernel(directory), {
    device,
    roots: [join(directory, 'vendor-root.der')],
    policies: [join(directory, 'policy.yaml')],
    session: true,
    useMailbox: true,
    timeout: 2000,
    tool: 'test',
    signal: new AbortController().signal,
    ...more,
  })

const answersOf = ({attestation}: Awaited<ReturnType<typeof asking>>) =>
  Object.fromEntries(attestation.questions.map(({id, answer}) => [id, answer]))

/** What the device's mode says, in words. */
const modeOf = ({attestation}: Awaited<ReturnType<typeof asking>>) =>
  attestation.measurements?.find(({type}) => type === 'device-mode')?.meaning

const ALL = {chain: 'yes', key: 'yes', measurements: 'yes', reference: 'yes', negotiation: 'yes', session: 'yes'}

it('verifies a sound device, its session included, and keeps what the machine says about the function', async () => {
  const bundleFile = join(directory, 'gpu.json')
  const result = await asking(GOOD, {bundleFile})
  expect(answersOf(result)).toEqual(ALL)
  expect([result.error, modeOf(result)]).toEqual([undefined, 'normal'])
  const {manifest} = bundleFromJson(readUserFile(bundleFile))
  expect(manifest).toMatchObject({device: {bdf: GOOD, vendor: '0x7e57', device: '0x0001'}, provider: {kind: 'file'}})
})

it('says no to a device that measures active debug access', async () => {
  const result = await asking(DEBUG)
  expect(answersOf(result)).toEqual({...ALL, reference: 'no'})
  expect(modeOf(result)).toBe('normal; has been debugged since manufacturing')
  expect(result.error).toMatchObject({kind: 'denied', got: expect.stringContaining('debug') as string})
})

it("says no to another vendor's device with the ids and the values that the policy expects", async () => {
  const policy = join(directory, 'other-anchor.yaml')
  const text = Buffer.from(readUserFile(join(directory, 'policy.yaml'))).toString()
  // a rule by the ids alone, which are for the device to choose
  const other = text
    .replace(/sha384:[0-9a-f]{96}(["']), file: [^}]+/, `sha384:${'ab'.repeat(48)}$1`)
    .replaceAll(/, san: [^}]+/g, '')
  expect(other).not.toBe(text)
  writeFileSync(policy, other, {mode: 0o600})
  const result = await asking(GOOD, {policies: [policy]})
  expect(answersOf(result)).toEqual({...ALL, reference: 'no'})
  expect(result.error?.kind).toBe('denied')
})

it('refuses a function without a mailbox before anything is written to it', async () => {
  await expect(asking(PLAIN)).rejects.toMatchObject({kind: 'unsupported'})
})
