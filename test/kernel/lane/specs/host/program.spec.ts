/** The command lines of a host's operator, their exit codes, texts and JSON under its schemas. */
import {readFileSync} from 'node:fs'
import {beforeAll, expect, it} from 'vitest'
import {useHost} from '../../guest/host.js'
import {attribute, BRIDGES, ENDPOINTS, linkTsm, modelHardware, streamLinks} from '../../guest/machine.js'
import {tsmctl, tsmctlJson} from '../../guest/program.js'

const [DEVICE, , , ELSEWHERE] = ENDPOINTS

beforeAll(() => {
  modelHardware({notee: [ELSEWHERE]})
  linkTsm({spdm: 0})
})
useHost()

/** Functions and the TSMs they are connected to, as `list` says. */
const state = (): unknown =>
  tsmctlJson(['list']).json.data.devices.map(({bdf, tsm}: {bdf: string; tsm: string | null}) => [bdf, tsm])

it('goes from the first look to a connected machine and back', () => {
  const doctor = tsmctlJson(['doctor', '--for', 'host']).json.data
  expect(doctor.kernel).toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim())
  expect(doctor.checks.filter(({status}: {status: string}) => status === 'PASS').length).toBeGreaterThan(0)

  const plan = tsmctlJson(['ide', 'plan', DEVICE, ELSEWHERE])
  expect([plan.code, plan.json.data.fits]).toEqual([0, true])
  expect(tsmctl(['connect', DEVICE, '--dry-run']).out).toMatch(/should succeed/)

  const {code, json} = tsmctlJson(['connect', DEVICE, ELSEWHERE])
  expect([code, json.data.devices.map(({result}: {result: {changed: boolean}}) => result.changed)]).toEqual([
    0,
    [true, true],
  ])
  expect(BRIDGES.map(streamLinks)).toEqual([['stream0.0.0'], ['stream0.0.0']])

  expect(state()).toContainEqual([DEVICE, 'tsm0'])
  expect(tsmctlJson(['show', DEVICE]).json.data.devices).toMatchObject([{bdf: DEVICE, tsm: 'tsm0', dsm: DEVICE}])
  expect(tsmctl(['ide', 'list']).out.match(/stream0\.0\.0 ID 0 secure/g)).toHaveLength(4)

  const {json: undone} = tsmctlJson(['disconnect', DEVICE, ELSEWHERE])
  expect(undone.data.devices).toMatchObject([{result: {changed: true}}, {result: {changed: true}}])
})

it.each([
  [['connect', '0000:00:03.0'], {}, 7, /root port/],
  [['connect', DEVICE, '--tsm', 'tsm0junk'], {}, 3, /tsm0junk/],
  [['connect', DEVICE], {fail: 5}, 12, /EIO.*left not connected/],
])('%j with a TSM of %j ends with %i', (args, parameters, code, words) => {
  linkTsm({spdm: 0, ...parameters})
  const result = tsmctl(args)
  expect(result).toMatchObject({code, err: expect.stringMatching(words)})
  expect(attribute(DEVICE, 'tsm/connect')).toBe('')
})
