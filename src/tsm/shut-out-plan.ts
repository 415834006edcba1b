/** Takes the driver off a device that fell out of RUN: what it works on is no longer what was accepted. */
import {HOLD} from './guest-plans.js'
import type {Plan} from './plan.js'
import {devicePath, type Tdi} from './tdi.js'

/** hold → unbind. Nothing is undone: a driver that could be kept away, but not unbound, is still better kept away. */
export function shutOutPlan({bdf, driver}: Tdi): Plan {
  const device = devicePath(bdf)
  const hold = {
    write: {
      path: `${device}/driver_override`,
      value: HOLD,
      why: 'keep every driver away from a device nobody accepted',
    },
    expect: [{path: `${device}/driver_override`, reads: HOLD}],
  }
  const unbind = {
    write: {path: `/sys/bus/pci/drivers/${driver}/unbind`, value: bdf, why: `unbind driver ${driver}`},
    expect: [{path: `${device}/driver`, reads: null}],
    tolerate: ['ENODEV'],
  }
  return {verb: 'shut out', subject: bdf, steps: driver === null ? [hold] : [hold, unbind]}
}
