/** Built-in scenarios: honest guests, hosts, and one hostile machine for each attack that can be simulated. */
import {type Attack, attackName, attackText} from './attack.js'
import {BARE_DEVICE} from './bare-device.js'
import {BARE, EMPTY} from './empty.js'
import {FEW_STREAMS} from './few-streams.js'
import {FIRMWARE_STREAM} from './firmware-stream.js'
import {GPU_HOST} from './gpu-host.js'
import {GUEST} from './guest.js'
import {GUEST_EIGHT, GUEST_ONE, GUEST_SLOW, GUEST_SRIOV, GUEST_TWO} from './guests.js'
import {DEVICE_ATTACKS} from './hostile-device.js'
import {EVIDENCE_ATTACKS} from './hostile-evidence.js'
import {INTERFACE_ATTACKS} from './hostile-interface.js'
import {MACHINE_ATTACKS} from './hostile-machine.js'
import {MULTI_SEGMENT} from './multi-segment.js'
import {NVME_HOST} from './nvme-host.js'
import {SAMPLE_KERNEL} from './sample-kernel.js'

export {type Attack, attackName, stopperOf} from './attack.js'
export {NOT_SIMULATED} from './not-simulated.js'

const numberOf = ({id}: Attack): number => Number(id.slice(1))

/** Every attack with a machine, by the name of its scenario, in the order of the attacks. */
export const ATTACK_SCENARIOS: Readonly<Record<string, Attack>> = Object.fromEntries(
  [...EVIDENCE_ATTACKS, ...DEVICE_ATTACKS, ...INTERFACE_ATTACKS, ...MACHINE_ATTACKS]
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map(attack => [attackName(attack), attack]),
)

const GROUPS = {
  guests: {
    guest: GUEST,
    'guest-one': GUEST_ONE,
    'guest-two': GUEST_TWO,
    'guest-eight': GUEST_EIGHT,
    'guest-sriov': GUEST_SRIOV,
    'guest-slow': GUEST_SLOW,
    empty: EMPTY,
    bare: BARE,
    'bare-device': BARE_DEVICE,
  },
  hosts: {
    'gpu-host': GPU_HOST,
    'nvme-host': NVME_HOST,
    'multi-segment': MULTI_SEGMENT,
    'few-streams': FEW_STREAMS,
    'firmware-stream': FIRMWARE_STREAM,
    'sample-kernel': SAMPLE_KERNEL,
  },
  hostile: Object.fromEntries(Object.entries(ATTACK_SCENARIOS).map(([name, attack]) => [name, attackText(attack)])),
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

export type ScenarioGroup = keyof typeof GROUPS

export const SCENARIO_TEXTS: Readonly<Record<string, string>> = Object.assign({}, ...Object.values(GROUPS))

/** Names of built-in scenarios by group. */
export const SCENARIO_GROUPS: Readonly<Record<ScenarioGroup, readonly string[]>> = {
  guests: Object.keys(GROUPS.guests),
  hosts: Object.keys(GROUPS.hosts),
  hostile: Object.keys(GROUPS.hostile),
}

/** Title of every built-in scenario by name. */
export const SCENARIOS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SCENARIO_TEXTS).map(([name, text]) => [name, /^title: (.*)$/m.exec(text)![1]!]),
)
