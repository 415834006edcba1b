/** Footer and help screen, both read off the key table. */
import {geometryOf} from './geometry.js'
import {ACTIONS, DIALOG_KEYS, whyDisabled} from './keys.js'
import {BLANK, type Line, line, paragraph, type Span, span} from './lines.js'
import {selectedDevice, sideOf, type State} from './state.js'
import {WORD_ORDER, WORDS, wordSpan} from './words.js'

const KEYS_WIDTH = Math.max(...ACTIONS.map(({shown}) => shown.length)) + 2

/** Every key with what it does and, where it does nothing now, why. */
export function helpLines(state: State): readonly Line[] {
  const width = state.size.columns
  return [
    ...ACTIONS.flatMap(action => {
      const reason = whyDisabled(action, state)
      const text = `${action.help}${reason === null ? '' : ` (not now: ${reason})`}`
      return paragraph(
        [span(action.shown.padEnd(KEYS_WIDTH), 'title')],
        text,
        width,
        reason === null ? 'plain' : 'quiet',
      )
    }),
    BLANK,
    ...WORD_ORDER.flatMap(word => paragraph([wordSpan(word)], WORDS[word].meaning, width)),
  ]
}

export const helpTitle = (state: State): Line => {
  const more = helpLines(state).length > geometryOf(state.size).helpRows
  return line(`tsmctl tui: keys${more ? ' (j and k scroll, any other key closes)' : ' (any key closes)'}`, 'title')
}

/** Keys for the selected device's side that can be used now; those that cannot are in parentheses, and say why when pressed. */
export function footerLine(state: State): Line {
  const {overlay, filtering} = state
  if (overlay !== null && overlay.kind !== 'help') return line(DIALOG_KEYS[overlay.kind])
  if (filtering) return line(DIALOG_KEYS.filter)
  const here = sideOf(selectedDevice(state))
  return ACTIONS.flatMap(action =>
    action.footer === null || (action.side ?? here) !== here
      ? []
      : [footerSpan(action.footer, whyDisabled(action, state))],
  )
}

const footerSpan = (text: string, reason: string | null): Span =>
  reason === null ? span(`${text}  `) : span(`(${text})  `, 'quiet')
