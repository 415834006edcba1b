/** Plans on captures of running kernels, whose pools of two slots and logs of every answer are at hand. */
import {existsSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {type IdePlanOptions, idePlanText, planFailure, planIde} from '../../src/operations/index.js'

const DATA = new URL('../../../shared/data/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data)'
const [A, B, C] = ['0000:01:00.0', '0000:05:00.0', '0000:41:00.0'] as const

const planOf = (file: string, options: Partial<IdePlanOptions> = {}) =>
  planIde(openReplay(fileURLToPath(new URL(file, DATA))), {rule: 'slot', pools: [], bdfs: [], ...options})

describe.skipIf(MISSING !== '')(`plans for running kernels${MISSING}`, () => {
  it('after the disconnects it plans exactly what that kernel had given before', async () => {
    const before = await planOf('sysfs/3-connected.json')
    expect(before.allocation.map(({bdf, keeps}) => [bdf, keeps])).toEqual([A, B, C].map(bdf => [bdf, true]))
    const after = await planOf('sysfs/5-disconnected.json')
    expect(after.allocation).toEqual(before.allocation.map(row => ({...row, keeps: false})))
    expect([before, after].map(planFailure)).toEqual([undefined, undefined])
  })

  it('a platform with one slot: the first named is preferred, and the other told why', async () => {
    const plan = await planOf('sysfs/5-disconnected.json', {pools: ['pci0000:00=1'], bdfs: [B, A]})
    expect(plan.allocation).toMatchObject([{bdf: B, slot: 0, streamId: 0}])
    expect(plan.conflicts).toMatchObject([{resource: 'limit', of: 'pci0000:00', size: 1, among: [B], leftOut: [A]}])
    expect(planFailure(plan)).toMatchObject({kind: 'busy'})
  })

  it('a function without IDE never has a stream, connected or not', async () => {
    const plan = await planOf('sysfs/3-connected.json', {bdfs: ['0000:02:00.0', A]})
    expect(plan).toMatchObject({allocation: [{bdf: A}], never: [{bdf: '0000:02:00.0'}]})
    expect(planFailure(plan)).toMatchObject({kind: 'unsupported'})
    expect(idePlanText(plan)).toContain('can never: 0000:02:00.0: it has no IDE capability\n')
  })

  it('a dump of one function does not say enough for a plan', async () => {
    const plan = await planOf('pci/ide-disabled.dump')
    expect(plan).toMatchObject({allocation: [], unknown: [{bdf: '0000:e1:00.0'}]})
    expect(planFailure(plan)?.kind).toMatch(/^(unsupported|not-permitted)$/)
  })

  it.each([
    [{pools: ['pci0000:00']}, 'usage'],
    [{pools: ['pci0000:00=1', 'pci0000:00=2']}, 'usage'],
    [{pools: ['pci0000:00=1']}, 'usage'],
    [{pools: ['pci0001:00=1']}, 'not-found'],
    [{bdfs: ['0000:99:00.0']}, 'not-found'],
  ])('%j is refused as %s', async (options, kind) =>
    expect(planOf('sysfs/3-connected.json', options)).rejects.toMatchObject({kind}),
  )

  it('a machine without IDE has nothing to plan', async () =>
    expect(planOf('sysfs/0-stock.json')).rejects.toMatchObject({kind: 'not-found'}))
})
