/** The script of a host: the same on the real kernel and on the simulator. Its answers are `fixtures/kernel/host.txt`. */
import {CONNECTING} from './scenes/connecting.js'
import {ENDING} from './scenes/ending.js'
import {FIRMWARE} from './scenes/firmware.js'
import {LOCKING} from './scenes/locking.js'
import {OPERATING} from './scenes/operating.js'
import {PLAIN} from './scenes/plain.js'
import {UNPRIVILEGED} from './scenes/unprivileged.js'
import type {Scene} from './step.js'

export {type Answer, type Bench, type Files, pageOf, play} from './answer.js'
export type {Act, Exception, Happening, Scene, Shape, Step} from './step.js'

export const HOST_SCRIPT: readonly Scene[] = [
  ...PLAIN,
  ...CONNECTING,
  ...OPERATING,
  ...UNPRIVILEGED,
  ...ENDING,
  ...FIRMWARE,
  ...LOCKING,
]
