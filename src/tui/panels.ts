/** The lines around the panes: header, tabs, log or dialog, message. */
import {isResting} from './dialogs.js'
import {geometryOf} from './geometry.js'
import {BLANK, type Line, line, span, textOf, wrapText} from './lines.js'
import {
  type AcceptDialog,
  type HostDialog,
  MOST_WRONG_ENTRIES,
  type RejectDialog,
  SHORTEST_REASON,
  selectedDevice,
  sideOf,
  type State,
  tabsOf,
  visibleDevices,
} from './state.js'

export function headerLine(state: State): Line {
  const {host, policy, devices} = state
  const shown = visibleDevices(state)
  const at = shown.findIndex(({bdf}) => bdf === state.selected) + 1
  const count =
    devices === null ? '' : `  ${at}/${shown.length}${shown.length === devices.length ? '' : ` of ${devices.length}`}`
  return [
    span('tsmctl', 'title'),
    span(count),
    ...(sideOf(selectedDevice(state)) === 'host'
      ? []
      : [span(`  policy ${policy ?? 'none: every review ends in DENY'}`)]),
    span(`  host ${host}`, 'quiet'),
  ]
}

/** `[Review] Checks …`: the open tab in brackets, so that it shows without colour. Only that one where room is short. */
export function tabsLine(state: State): Line {
  const {tab, focus, size} = state
  const tabs = tabsOf(state)
  const marker = span(focus === 'details' ? '>' : ' ')
  const all = tabs.map(name => (name === tab ? span(`[${name}] `, 'title') : span(`${name} `, 'quiet')))
  if (textOf(all).length <= geometryOf(size).detailColumns) return [marker, ...all]
  return [marker, span(`[${tab}] `, 'title'), span(`${tabs.indexOf(tab) + 1} of ${tabs.length}`, 'quiet')]
}

/** The last lines of the log, or the dialog in its place: the evidence stays in view while a person types. */
export function logLines(state: State): readonly Line[] {
  const {overlay, log, size} = state
  if (overlay?.kind === 'accept') return acceptLines(state, overlay)
  if (overlay?.kind === 'reject') return rejectLines(state, overlay)
  if (overlay?.kind === 'host') return hostLines(state, overlay)
  const {logRows} = geometryOf(size)
  return log
    .slice(-logRows)
    .flatMap(({text, tone}) => wrapText(text, size.columns).map(part => line(part, tone)))
    .slice(-logRows)
}

const WAIT = 'wait a moment: this prompt does not listen yet'

/** The end of the entry stays visible when it is longer than the line. */
const entry = (text: string, columns: number): string => `> ${[...text].slice(-(columns - 4)).join('')}_`

function acceptLines({now, size}: State, dialog: AcceptDialog): Line[] {
  const {bdf, expected, step, reason, typed, wrong} = dialog
  const tries = MOST_WRONG_ENTRIES - wrong
  const last = step === 'typed' ? `${tries} ${tries === 1 ? 'try' : 'tries'} left` : 'it is kept in the audit log'
  return [
    step === 'typed'
      ? line(`Accept into RUN? Type exactly: ${expected}`, 'title')
      : line(`Accept ${bdf} with relaxations? Say why, ${SHORTEST_REASON} characters or more:`, 'title'),
    line(entry(step === 'typed' ? typed : (reason ?? ''), size.columns)),
    isResting(dialog, now) ? line(WAIT, 'quiet') : line(last, 'quiet'),
  ]
}

function rejectLines({now}: State, dialog: RejectDialog): Line[] {
  return [
    line(`Reject ${dialog.bdf}: unlock it and give it back its driver? [Y/n]`, 'title'),
    BLANK,
    line(isResting(dialog, now) ? WAIT : 'What was reviewed is void either way.', 'quiet'),
  ]
}

const ASKED: Readonly<Record<HostDialog['verb'], readonly [string, string, string]>> = {
  connect: ['Connect', 'It makes an SPDM session and, where the TSM uses IDE, a stream.', 'It can take seconds.'],
  disconnect: ['Disconnect', 'Session and keys are gone then.', 'A confidential VM that uses the device loses it.'],
}

function hostLines({now}: State, dialog: HostDialog): Line[] {
  const [question, what, risk] = ASKED[dialog.verb]
  return [
    line(`${question} ${dialog.bdf}? [y/N]`, 'title'),
    line(what),
    line(isResting(dialog, now) ? WAIT : risk, 'quiet'),
  ]
}

/** One line above the footer: what was said last, the filter, or what is running. */
export function messageLine({message, filtering, filter, busy}: State): Line {
  if (message !== null) return line(message.text, message.tone)
  if (filtering) return line(`filter: ${filter}_`)
  if (busy !== null) return line(`${busy.what} of ${busy.bdf}: ${busy.step}`)
  return filter === '' ? BLANK : line(`filter: ${filter}`)
}
