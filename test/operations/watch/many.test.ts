/** A thousand devices under watch: what a look costs, counted in calls of the port. */
import {mkdtempSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {treeKernel} from '../../../src/kernel/index.js'
import {differences, NOTHING} from '../../../src/operations/watch/differences.js'
import {type LookAt, looking} from '../../../src/operations/watch/snapshot.js'
import {counting} from '../../support/counting-kernel.js'
import {bdfOf, makeManyFunctions} from '../../support/many-functions.js'

const COUNT = 1000
const TDIS = 100

const NOTHING_NEW: LookAt = {
  everything: false,
  moving: true,
  drivers: false,
  streams: false,
  functions: new Set(),
  replaced: new Set(),
}

it('an idle look reads one attribute of each TDI and nothing of other devices', async () => {
  const root = mkdtempSync(join(tmpdir(), 'tsmctl-many-'))
  makeManyFunctions(root, COUNT, TDIS)
  const {kernel: counted, calls} = counting(treeKernel(root))
  const files = (): string[] => calls.filter(call => / \/sys\//.test(call))
  const eye = looking(counted, {signal: new AbortController().signal})

  const first = await eye.look(NOTHING, {...NOTHING_NEW, everything: true})
  expect(first.functions.size).toBe(COUNT)
  expect(files().length).toBeLessThan(6 * COUNT)

  calls.length = 0
  const second = await eye.look(first, NOTHING_NEW)
  expect(differences(first, second)).toEqual([])
  expect(files().filter(call => call.startsWith('query '))).toHaveLength(TDIS)
  expect(files().length).toBeLessThan(TDIS + 10)

  // an event about one function costs that function
  calls.length = 0
  writeFileSync(join(root, 'sys/devices/pci0000:00', bdfOf(500), 'uevent'), 'PCI_ID=7E57:0001\n')
  const third = await eye.look(second, {...NOTHING_NEW, moving: false, functions: new Set([bdfOf(500)])})
  expect(differences(second, third).map(({name, change: {what}}) => `${name} ${what}`)).toEqual([
    `${bdfOf(500)} id`,
    `${bdfOf(500)} driver`,
  ])
  expect(files().length).toBeLessThan(12)
})
