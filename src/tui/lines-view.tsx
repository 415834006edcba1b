/** Lines on the screen. Tones become colours here and nowhere else. */
import {Box, Text, type TextProps} from 'ink'
import {memo, type ReactElement} from 'react'
import type {Line, Tone} from './lines.js'

const STYLES: Readonly<Record<Tone, TextProps>> = {
  plain: {},
  title: {bold: true},
  quiet: {dimColor: true},
  fail: {color: 'red'},
  relaxed: {color: 'yellow'},
  unproven: {color: 'gray'},
  ok: {color: 'green'},
}

/** One line, cut where the pane ends. */
export const LineView = memo(function LineView({of}: {readonly of: Line}): ReactElement {
  return (
    <Text wrap="truncate">
      {of.map(({text, tone}, i) => (
        // spans of a line are told apart by nothing but their place
        // oxlint-disable-next-line react/no-array-index-key
        <Text key={i} {...STYLES[tone]}>
          {text}
        </Text>
      ))}
      {of.length === 0 ? ' ' : ''}
    </Text>
  )
})

interface Window {
  readonly lines: readonly Line[]
  readonly top: number
  readonly rows: number
}

/** The lines of a document that are visible now: only they become nodes. */
export function LinesView({lines, top, rows}: Window): ReactElement {
  return (
    <Box flexDirection="column" height={rows} overflow="hidden">
      {lines.slice(top, top + rows).map((of, i) => (
        // oxlint-disable-next-line react/no-array-index-key
        <LineView key={i} of={of} />
      ))}
    </Box>
  )
}
