/** What people read after a transition: before, after, and the writes of a dry run. */
import {harmless, printable} from '../errors.js'
import {stateText, type TransitionResult} from '../operations/transition.js'

export function transitionText({bdf, changed, dryRun, before, after, writes}: TransitionResult): string {
  if (dryRun)
    return [
      `${bdf}: would write`,
      ...writes.map(
        ({path, value, why}) =>
          `  ${printable(value) || "'\\n'"} > ${printable(path, 300)}  (to ${harmless(why, 200)})`,
      ),
    ]
      .concat(writes.length === 0 ? ['  nothing'] : [])
      .join('\n')
      .concat('\n')
  if (!changed) return `${bdf}: unchanged, ${stateText(after)}\n`
  return `${bdf}: ${before.state} -> ${after.state} (${stateText(after)})\n`
}
