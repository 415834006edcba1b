/** A hostile machine: a scenario whose comments say what is wrong, what must notice, and how `admit` ends. */

export interface Attack {
  /** `A1` to `A38`: the row of docs/lab.md. */
  readonly id: string
  /** What tells several machines of one attack apart. */
  readonly variant?: string
  /** The attack in words, as the scenario's title. */
  readonly title: string
  /** What the host, the device or somebody else does. */
  readonly does: string
  /** Checks that fail for it; the first one is there for this very attack. Empty where `stopper` is. */
  readonly checks: readonly string[]
  /** What notices instead of a check. */
  readonly stopper?: string
  /** The function that is attacked. */
  readonly target: string
  /** Exit code of the command. */
  readonly exit: number
  /** The command that meets the attack; `admit` unless given. */
  readonly command?: 'admit' | 'connect'
  /** The function is not there any more in the end. */
  readonly gone?: boolean
  /** What is to be known about the simulation. */
  readonly note?: string
  readonly body: string
}

const WIDTH = 110

function comment(text: string): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length > WIDTH) lines.push(`# ${word}`)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}

/** What notices `attack`, in words. */
export const stopperOf = ({checks, stopper}: Attack): string => stopper ?? checks.join(', ')

const expected = (attack: Attack): string => {
  const {target, exit, command = 'admit', gone = false} = attack
  const back = command === 'admit' && !gone ? ', and the device is back, unlocked' : ''
  return `tsmctl ${command} ${target} ends with exit code ${exit}${back}. Stopped by ${stopperOf(attack)}.`
}

export const attackText = (attack: Attack): string =>
  [
    `title: ${attack.title}`,
    comment(`Attack ${attack.id}. ${attack.does}`),
    comment(expected(attack)),
    ...(attack.note === undefined ? [] : [comment(attack.note)]),
    attack.body,
  ].join('\n')

/** `hostile-a07` of `A7`. */
export const attackName = ({id, variant}: Attack): string =>
  `hostile-a${id.slice(1).padStart(2, '0')}${variant === undefined ? '' : `-${variant}`}`
