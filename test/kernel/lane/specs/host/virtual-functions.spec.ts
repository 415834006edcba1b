/** Virtual functions of a device, enabled before it is connected and after. */
import {readdirSync, readlinkSync, writeFileSync} from 'node:fs'
import {basename} from 'node:path'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {connect} from '../../../../../src/operations/connect.js'
import {disconnect} from '../../../../../src/operations/disconnect.js'
import {listIde} from '../../../../../src/operations/ide-list.js'
import {ridOf} from '../../../../../src/pci/index.js'
import {connectPlainly, kernel, useHost} from '../../guest/host.js'
import {attribute, deviceOf, ENDPOINTS, linkTsm, modelHardware, ROOT_PORTS} from '../../guest/machine.js'
import {blockOf} from '../../guest/registers.js'

const [PF] = ENDPOINTS
const [PORT] = ROOT_PORTS

function enable(count: number): readonly string[] {
  writeFileSync(`${deviceOf(PF)}/sriov_numvfs`, String(count))
  return readdirSync(deviceOf(PF))
    .filter(name => name.startsWith('virtfn'))
    .sort()
    .map(name => basename(readlinkSync(`${deviceOf(PF)}/${name}`)))
}

const dependency = (bdf: string) => ['dsm', 'bound', 'connect'].map(name => attribute(bdf, `tsm/${name}`))
const WITHOUT = [null, null, null]
const DEPENDENT = [PF, '', null]

beforeAll(() => {
  modelHardware({notee: ['0000:41:00.0']})
  linkTsm({spdm: 0})
})
useHost()
// disabling them takes the kernel a second
afterAll(() => enable(0))

it('enabled while it is connected, they depend on it, and its stream leaves them out', async () => {
  connectPlainly(PF)
  const vfs = enable(2)
  expect(vfs.map(dependency)).toEqual([DEPENDENT, DEPENDENT])
  expect(blockOf(PORT).rids).toEqual([ridOf(PF), ridOf(PF)])
  const {findings} = (await listIde(kernel)).list
  expect(findings.map(({code, severity}) => [code, severity])).toContainEqual(['rid-misses-vfs', 'error'])
  const {failure, notes, after} = await connect(kernel, PF)
  expect(failure).toBeNull()
  expect(notes).toEqual([expect.stringMatching(/^rid-misses-vfs pci0000:00\/stream0\.0\.0: .*leaves out 2 virtual/)])
  expect(after.subfunctions).toHaveLength(2)
})

it('enabled before, they depend on it and lie in the range of its stream, until they are disabled', async () => {
  const vfs = enable(2)
  expect(vfs).toHaveLength(2)
  expect(vfs.map(dependency)).toEqual([WITHOUT, WITHOUT])
  const {after, notes} = await connect(kernel, PF)
  expect(after.subfunctions.map(({bdf}) => bdf)).toEqual(vfs)
  expect(notes.join()).toContain(vfs[0]!)
  expect(vfs.map(dependency)).toEqual([DEPENDENT, DEPENDENT])
  expect(vfs.map(bdf => attribute(bdf, 'authenticated'))).toEqual(['tsm0', 'tsm0'])
  expect(blockOf(PORT).rids).toEqual([ridOf(PF), ridOf(vfs[1]!)])
  expect((await listIde(kernel)).list.findings.filter(({severity}) => severity !== 'hint')).toEqual([])
  enable(0)
  expect(await connect(kernel, PF)).toMatchObject({notes: [], after: {subfunctions: []}})
  expect(await disconnect(kernel, PF)).toMatchObject({changed: true, failure: null})
})
