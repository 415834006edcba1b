/**
 * The JSON that scripts build on, member by member, for the verbs of a guest. What differs from run to run (keys,
 * digests, times) is masked; a file below golden/ changes only together with a schema.
 */
import {describe, expect, it} from 'vitest'
import {eachDevice} from '../../src/cli/each-device.js'
import {VERSION} from '../../src/version.js'
import {watchDocuments, watchText} from '../../src/cli/watch-lines.js'
import type {Kernel} from '../../src/kernel/index.js'
import {
  accept,
  collectEvidence,
  listDevices,
  lock,
  planAdmission,
  readPolicy,
  showDevice,
  unlock,
} from '../../src/operations/index.js'
import {watch} from '../../src/operations/watch/index.js'
import {machineStatus} from '../../src/sim/index.js'
import {GOOD, guestCopy, MISFIT} from '../support/guest.js'

const masked = (text: string): string =>
  text
    .replaceAll(/\b[0-9a-f]{96}\b/g, '<sha384>')
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/(ACME:SIM\w+:|SIM\w+ )[0-9a-f]{16}\b/g, '$1<serial>')
    .replaceAll(/\[evidence [0-9a-f]{12}\]/g, '[evidence <sha384>]')

const expectGolden = (value: unknown, name: string): Promise<void> =>
  expect(masked(`${JSON.stringify(value, null, 2)}\n`)).toMatchFileSnapshot(`golden/${name}.json`)

/** Every check with its answer, without the words, which the reference documents. */
// oxlint-disable-next-line typescript/no-explicit-any
const brief = ({appraisal: {decision, human, rule, unverified, counters}, commit, ...rest}: any) => ({
  ...rest,
  appraisal: {decision, human, rule, unverified, counters},
  commit: commit.map(({id, word}: {id: string; word: string}) => `${id}: ${word}`),
})

async function dataOf(act: ReturnType<typeof eachDevice>): Promise<unknown> {
  const {data, error} = await act
  expect(error).toBeUndefined()
  return data
}

const noText = (): string => ''

describe('what scripts read in a guest', () => {
  it('before, while and after a device is taken in', async () => {
    const {kernel, policy: file, directory} = await guestCopy('P2')
    const policy = readPolicy([file], new Date())
    await expectGolden(
      await dataOf(eachDevice([GOOD, MISFIT], bdf => planAdmission(kernel, bdf, {policy}), noText)),
      'admit-dry-run',
    )
    await expectGolden(await dataOf(eachDevice([GOOD], bdf => lock(kernel, bdf), noText)), 'lock')
    await expectGolden(await dataOf(eachDevice([GOOD], bdf => lock(kernel, bdf), noText)), 'lock-again')
    const {held, driver, driverOverride, state, tsm, meaning} = (await showDevice(kernel, GOOD)).view
    await expectGolden({driver, driverOverride, tsm, state, held, meaning}, 'show-held')
    const {digest} = await collectEvidence(kernel, GOOD)
    const taking = (dryRun: boolean) => async () =>
      brief(await accept(kernel, GOOD, digest, {policy, dryRun, bind: true}))
    await expectGolden(await taking(true)(), 'accept-dry-run')
    await expectGolden(await taking(false)(), 'accept')
    await expectGolden(await taking(false)(), 'accept-again')
    await expectGolden(
      (await listDevices(kernel)).devices.find(({bdf}) => bdf === GOOD),
      'list-run',
    )
    await expectGolden(
      await dataOf(eachDevice([GOOD], bdf => unlock(kernel, bdf, {force: true, rebind: true}), noText)),
      'unlock',
    )
    await expectGolden(await watched(kernel, directory, file), 'watch-once')
    expect(machineStatus(directory).violations).toEqual([])
  })
})

/** Documents and lines of `watch --once --policy`, with one function to admit and one to refuse. */
async function watched(kernel: Kernel, directory: string, file: string) {
  const {begin, of, end} = watchDocuments()
  const {signal} = new AbortController()
  const only = new Set([GOOD, MISFIT])
  const policy = () => readPolicy([file], new Date())
  const documents: object[] = [begin(kernel.now(), kernel.host, 2000, true)]
  const lines: string[] = []
  for await (const event of watch(kernel, {signal, interval: 2000, once: true, only, policy})) {
    // how far an admission got between two looks is chance
    if (event.kind === 'transition') continue
    documents.push(of(event))
    lines.push(watchText(event).trimEnd())
  }
  documents.push(end(kernel.now(), null, []))
  const text = JSON.stringify({documents: documents.map(one => ({...one, seq: 'n'})), lines})
  return JSON.parse(text.replaceAll(directory, '<directory>').replaceAll(VERSION, '<version>'))
}
