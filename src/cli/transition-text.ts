/** What people read after a transition: before, after, and the writes of a dry run. */
import {harmless, printable} from '../errors.js'
import {type PlannedWrite, stateText, type TransitionResult} from '../operations/transition.js'

export function transitionText({bdf, changed, dryRun, before, after, writes, notes}: TransitionResult): string {
  const noted = notes.map(note => `  note: ${harmless(note)}\n`).join('')
  if (dryRun) return `${plannedText(bdf, writes)}${noted}`
  if (!changed) return `${bdf}: unchanged, ${stateText(after)}\n${noted}`
  return `${bdf}: ${before.state} -> ${after.state} (${stateText(after)})\n${noted}`
}

/** The writes of a dry run, one a line. */
export const plannedText = (bdf: string, writes: readonly PlannedWrite[]): string =>
  [
    `${bdf}: would write`,
    ...writes.map(
      ({path, value, why}) => `  ${printable(value) || "'\\n'"} > ${printable(path, 300)}  (to ${harmless(why, 200)})`,
    ),
    ...(writes.length === 0 ? ['  nothing'] : []),
    '',
  ].join('\n')
