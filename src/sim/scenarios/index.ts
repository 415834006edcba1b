/** Built-in scenarios. */
import {BARE_DEVICE} from './bare-device.js'
import {BARE, EMPTY} from './empty.js'
import {FEW_STREAMS} from './few-streams.js'
import {FIRMWARE_STREAM} from './firmware-stream.js'
import {GPU_HOST} from './gpu-host.js'
import {GUEST} from './guest.js'
import {MULTI_SEGMENT} from './multi-segment.js'
import {NVME_HOST} from './nvme-host.js'

export const SCENARIO_TEXTS: Readonly<Record<string, string>> = {
  guest: GUEST,
  empty: EMPTY,
  bare: BARE,
  'bare-device': BARE_DEVICE,
  'gpu-host': GPU_HOST,
  'nvme-host': NVME_HOST,
  'multi-segment': MULTI_SEGMENT,
  'few-streams': FEW_STREAMS,
  'firmware-stream': FIRMWARE_STREAM,
}

/** Title of every built-in scenario by name. */
export const SCENARIOS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SCENARIO_TEXTS).map(([name, text]) => [name, /^title: (.*)$/m.exec(text)![1]!]),
)
