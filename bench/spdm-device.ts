/** The device of `spdm-flows.ts`: P-384 and SHA-384, slots 0 and 1, eight measurements, sessions, IDE_KM and TDISP. */
import {environment} from '../src/kernel/index.js'
import {createLabDevice, createLabDsm, type LabDevice, withDsm} from '../src/sim/index.js'
import {MEASUREMENT_TYPE, type ResponderMeasurement} from '../src/spdm/index.js'

export const PSK = new Uint8Array(32).fill(0x5e)

const MEASUREMENTS: readonly ResponderMeasurement[] = Array.from({length: 8}, (_, i) => ({
  index: i + 1,
  type: MEASUREMENT_TYPE.firmware,
  form: 'content',
  value: new Uint8Array(72).fill(i),
  tcb: true,
}))

export async function benchDevice(): Promise<LabDevice> {
  const device = await createLabDevice({
    random: environment.random,
    monotonic: () => performance.now(),
    versions: [0x12],
    slots: [0, 1],
    measurements: MEASUREMENTS,
    heartbeatPeriod: 240,
    maxPadding: 3,
    psk: () => PSK,
  })
  return {...device, options: withDsm(device.options, createLabDsm(environment.random))}
}
