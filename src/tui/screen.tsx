/** The screen as a function of the state. Nothing here decides anything. */
import {Box, type BoxProps, Text} from 'ink'
import type {ReactElement, ReactNode} from 'react'
import {deviceLines} from './device-list.js'
import {detailLines} from './documents.js'
import {geometryOf, MIN_COLUMNS, MIN_ROWS} from './geometry.js'
import {footerLine, helpLines, helpTitle} from './help.js'
import {LinesView, LineView} from './lines-view.js'
import {headerLine, logLines, messageLine, tabsLine} from './panels.js'
import {isTooSmall, type State} from './state.js'

interface StateProps {
  readonly state: State
}

export function Screen({state}: StateProps): ReactElement {
  if (isTooSmall(state)) return <TooSmall state={state} />
  return state.overlay?.kind === 'help' ? <Help state={state} top={state.overlay.top} /> : <Cockpit state={state} />
}

function TooSmall({state}: StateProps): ReactElement {
  const {columns, rows} = state.size
  const text = `The screen is too small: ${columns}x${rows}, needed is ${MIN_COLUMNS}x${MIN_ROWS}. q quits.`
  return <Text>{text}</Text>
}

function Help({state, top}: StateProps & {readonly top: number}): ReactElement {
  return (
    <Box flexDirection="column" width={state.size.columns}>
      <LineView of={helpTitle(state)} />
      <LinesView lines={helpLines(state)} top={top} rows={geometryOf(state.size).helpRows} />
    </Box>
  )
}

function Cockpit({state}: StateProps): ReactElement {
  const {columns} = state.size
  const {rows, bodyRows, listRows, listColumns, detailRows, logRows} = geometryOf(state.size)
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <LineView of={headerLine(state)} />
      <Box height={bodyRows}>
        <Panel width={listColumns} right>
          <LinesView lines={deviceLines(state)} top={0} rows={listRows} />
        </Panel>
        <Panel width={columns - listColumns}>
          <LineView of={tabsLine(state)} />
          <LinesView lines={detailLines(state)} top={state.detailTop} rows={detailRows} />
        </Panel>
      </Box>
      <Panel width={columns}>
        <LinesView lines={logLines(state)} top={0} rows={logRows} />
      </Panel>
      <LineView of={messageLine(state)} />
      <LineView of={footerLine(state)} />
    </Box>
  )
}

/** Single lines, with the corner of a pane that another one follows. */
const LINES: Exclude<BoxProps['borderStyle'], string | undefined> = {
  topLeft: '┌',
  top: '─',
  topRight: '┬',
  left: '│',
  right: '│',
  bottomLeft: '└',
  bottom: '─',
  bottomRight: '┴',
}

/** Line above, and on the right where another pane follows: four full borders would cost a third of 24 rows. */
function Panel({
  width,
  right = false,
  children,
}: {
  readonly width: number
  readonly right?: boolean
  readonly children: ReactNode
}): ReactElement {
  return (
    <Box
      width={width}
      flexShrink={0}
      flexDirection="column"
      overflow="hidden"
      borderStyle={LINES}
      borderDimColor
      borderTop
      borderRight={right}
      borderBottom={false}
      borderLeft={false}
    >
      {children}
    </Box>
  )
}
