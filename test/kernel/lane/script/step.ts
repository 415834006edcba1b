/**
 * Steps of a script that is played on the real kernel and on the simulator, as data. `place` is an attribute of a
 * function (`0000:01:00.0/tsm/connect`) or an absolute path.
 */

/** What each side does in its own way: the kernel's by parameters of the test modules, the simulator by faults. */
export type Happening =
  | {readonly what: 'tsm-appears' | 'tsm-unloaded'}
  /** For the next step only: connect is refused, its stream stays insecure, or gets this Stream ID. */
  | {readonly what: 'connect-fails'; readonly device: string; readonly errno: string}
  | {readonly what: 'stream-insecure'; readonly device: string}
  | {readonly what: 'stream-id'; readonly device: string; readonly id: number}
  /** A register of the device's first Selective block says so from now on. */
  | {readonly what: 'fail-received' | 'security-lost'; readonly device: string}

/** Operations of tsmctl. */
export type Operation =
  {readonly verb: 'connect' | 'disconnect'; readonly device: string} | {readonly verb: 'list' | 'ide list'}

type Asked =
  | {readonly do: 'write'; readonly place: string; readonly text: string}
  | {readonly do: 'read' | 'list' | 'mode' | 'link'; readonly place: string}
  /** Stream links and free slots of a host bridge. */
  | {readonly do: 'bridge'; readonly name: string}
  /** Selective blocks as `src/ide` decodes them. */
  | {readonly do: 'blocks'; readonly device: string}
  /** Length of the configuration space that a reader gets. */
  | {readonly do: 'config'; readonly device: string}
  | {readonly do: 'family'; readonly name: string}

export type Question = (Asked & {readonly user?: 'nobody'}) | {readonly do: 'tsmctl'; readonly operation: Operation}

export type Act =
  | Question
  | {readonly do: 'happen'; readonly happening: Happening}
  /** The uevents of functions and TSMs that `act` makes. */
  | {readonly do: 'uevents'; readonly act: Act}

export interface Exception {
  /** What the simulator answers instead. */
  readonly simulator: string
  readonly why: string
}

export interface Step {
  readonly act: Act
  /** Rows of `errata.ts` that it shows. */
  readonly shows?: readonly string[]
  readonly exception?: Exception
}

/** Hardware that a scene begins with; see `../guest/kernel-bench.ts` and `test/sim/sim-bench.ts`. */
export type Shape = 'plain' | 'modelled' | 'firmware-streams' | 'guest'

export interface Scene {
  readonly title: string
  /** A machine of this shape begins here; without, the scene goes on where the one before ended. */
  readonly shape?: Shape
  readonly steps: readonly Step[]
}

const asked = (act: Act): Step => ({act})

export const write = (place: string, text: string): Step => asked({do: 'write', place, text})
export const read = (place: string): Step => asked({do: 'read', place})
export const list = (place: string): Step => asked({do: 'list', place})
export const mode = (place: string): Step => asked({do: 'mode', place})
export const link = (place: string): Step => asked({do: 'link', place})
export const bridge = (name: string): Step => asked({do: 'bridge', name})
export const blocks = (device: string): Step => asked({do: 'blocks', device})
export const config = (device: string): Step => asked({do: 'config', device})
export const family = (name: string): Step => asked({do: 'family', name})
export const tsmctl = (operation: Operation): Step => asked({do: 'tsmctl', operation})
export const happens = (happening: Happening): Step => asked({do: 'happen', happening})

/** The step of a user without privileges. */
export function nobody({act}: Step): Step {
  if (act.do === 'happen' || act.do === 'uevents' || act.do === 'tsmctl') throw new Error(`nobody cannot ${act.do}`)
  return {act: {...act, user: 'nobody'}}
}

export const uevents = ({act}: Step): Step => asked({do: 'uevents', act})

export const shows = (rows: readonly string[], step: Step): Step => ({...step, shows: rows})
export const except = (step: Step, exception: Exception): Step => ({...step, exception})

const happeningText = (happening: Happening): string =>
  Object.entries(happening)
    .map(([key, value]) => (key === 'what' ? String(value) : key === 'device' ? value : `${key} ${value}`))
    .join(' ')

const operationText = (operation: Operation): string =>
  'device' in operation ? `${operation.verb} ${operation.device}` : operation.verb

/** One line for `act`, without its answer. */
export function actText(act: Act): string {
  switch (act.do) {
    case 'happen':
      return `!     ${happeningText(act.happening)}`
    case 'uevents':
      return `events of ${actText(act.act)}`
    case 'tsmctl':
      return `tsmctl ${operationText(act.operation)}`
    default:
      return `${act.user === undefined ? '' : `${act.user}: `}${askedText(act)}`
  }
}

function askedText(act: Asked): string {
  switch (act.do) {
    case 'write':
      return `write ${act.place} ${JSON.stringify(act.text)}`
    case 'read':
      return `read  ${act.place}`
    case 'list':
      return `ls    ${act.place}`
    case 'mode':
    case 'link':
      return `${act.do}  ${act.place}`
    case 'bridge':
      return `hb    /sys/devices/${act.name}`
    case 'blocks':
      return `ide   ${act.device}`
    case 'config':
      return `config ${act.device}`
    case 'family':
      return `family ${act.name}`
  }
}
