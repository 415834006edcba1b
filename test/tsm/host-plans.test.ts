/** The host's plans as data. */
import {describe, expect, it} from 'vitest'
import {connectPlan, disconnectPlan, planLines, sleepPlan} from '../../src/tsm/index.js'

const bdf = '0000:01:00.0'
const device = `/sys/bus/pci/devices/${bdf}`
const writes = (plan: ReturnType<typeof connectPlan>): string[] =>
  plan.steps.map(({write: {path, value}}) => `${value} > ${path.slice(device.length)}`)

describe('plans of the host', () => {
  it.each([null, 'on'])('a device that stays awake (power/control %j) needs no holding', powerControl => {
    expect(writes(connectPlan({bdf, powerControl}, 'tsm0'))).toEqual(['tsm0 > /tsm/connect'])
    expect(writes(disconnectPlan({bdf, powerControl}, 'tsm0'))).toEqual(['tsm0 > /tsm/disconnect'])
    expect(writes(sleepPlan({bdf, powerControl}))).toEqual([])
  })

  it('one that may sleep is held in D0, and let sleep afterwards', () => {
    const host = {bdf, powerControl: 'auto'}
    expect(writes(connectPlan(host, 'tsm0'))).toEqual(['on > /power/control', 'tsm0 > /tsm/connect'])
    expect(writes(disconnectPlan(host, 'tsm0'))).toEqual(['on > /power/control', 'tsm0 > /tsm/disconnect'])
    expect(writes(sleepPlan(host))).toEqual(['auto > /power/control'])
    expect(connectPlan(host, 'tsm0').steps[0]!.undo).toMatchObject({path: `${device}/power/control`, value: 'auto'})
  })

  it('a connect is read back, and undone only while something is connected', () => {
    const [step] = connectPlan({bdf, powerControl: null}, 'tsm3').steps
    expect(step!.expect).toEqual([
      {path: `${device}/tsm/connect`, reads: 'tsm3'},
      {path: `${device}/tsm/dsm`, reads: bdf},
    ])
    expect(step!.undo).toMatchObject({
      path: `${device}/tsm/disconnect`,
      value: 'tsm3',
      unless: {path: `${device}/tsm/connect`, reads: ''},
    })
  })

  it('a disconnect cannot be undone: keys are gone', () => {
    const [step] = disconnectPlan({bdf, powerControl: null}, 'tsm3').steps
    expect(step!.undo).toBeUndefined()
    expect(step!.expect).toEqual([{path: `${device}/tsm/connect`, reads: ''}])
  })

  it('the name is written exactly, without what the kernel would tolerate', () => {
    expect(planLines(connectPlan({bdf, powerControl: null}, 'tsm0'))).toEqual([
      `echo tsm0 > ${device}/tsm/connect  # to connect the device to tsm0: SPDM session, IDE stream`,
    ])
  })
})
