/** The lines of the detail pane: what the selected tab says about the selected device. */
import {checkLines} from './findings.js'
import {geometryOf} from './geometry.js'
import {identityLines} from './identity-lines.js'
import {indented, type Line, line, paragraph, span} from './lines.js'
import {measurementLines} from './measurement-lines.js'
import {reportLines} from './report-lines.js'
import {reviewDocument} from './review-document.js'
import type {ViewLine} from './cockpit.js'
import {selectedDevice, selectedReview, selectedView, sideOf, type State, visibleDevices} from './state.js'

export function detailLines(state: State): readonly Line[] {
  const {detailColumns: width, detailRows} = geometryOf(state.size)
  const view = selectedView(state)
  if (view !== undefined) return viewLines(state.tab === 'Streams' ? view.streams : view.connection, width)
  const review = selectedReview(state)
  if (review === undefined) return emptyLines(state, width)
  const {appraisal} = review
  switch (state.tab) {
    case 'Review':
      return reviewDocument(review, state.now, width, detailRows).lines
    case 'Checks':
      return checkLines(appraisal, width)
    case 'Measurements':
      return measurementLines(appraisal.subject, width)
    case 'Report':
      return reportLines(appraisal.subject, width)
    case 'Identity':
      return identityLines(appraisal.subject, width)
    case 'Connection':
    case 'Streams':
      return emptyLines(state, width)
  }
}

const NEXT = {
  guest: 'Not reviewed yet. Enter or v locks it if needed, collects its evidence and appraises it.',
  host: 'Not looked at yet. Enter or v reads both ends of its link and predicts what connect will meet.',
} as const

const viewLines = (lines: readonly ViewLine[], width: number): readonly Line[] =>
  lines.flatMap(({lead = '', text, tone}) => paragraph([span(lead, tone)], text, width, tone))

/** An empty screen says what was looked for and what to do next. */
function emptyLines(state: State, width: number): readonly Line[] {
  const {devices, filter} = state
  if (devices === null) return [line('reading devices ...')]
  if (devices.length === 0)
    return indented('No PCI function was found on this host. tsmctl doctor says what is missing.', width, 0)
  if (visibleDevices(state).length === 0)
    return indented(`No device matches "${filter}". Esc clears the filter.`, width, 0)
  const device = selectedDevice(state)
  if (device === undefined) return []
  const driver = device.driver === null ? 'no driver bound' : `driver ${device.driver}`
  return [
    ...indented(`${device.bdf}  ${device.id}  ${device.className}`, width, 0),
    ...indented(`${device.state}${device.tsm === null ? '' : ` by ${device.tsm}`}, ${driver}`, width, 0),
    ...indented(NEXT[sideOf(device)], width, 0),
  ]
}
