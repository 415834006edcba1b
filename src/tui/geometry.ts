/** Where things are on the screen. Rows and columns only, so that the reducer and the components agree on them. */

export const MIN_COLUMNS = 60
export const MIN_ROWS = 16

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Geometry {
  /** Rows drawn: one less than the screen has, because a full screen makes Ink clear and flicker. */
  readonly rows: number
  /** Both panes with the line above them. */
  readonly bodyRows: number
  readonly listRows: number
  /** Device pane, its right border included. */
  readonly listColumns: number
  /** Detail pane below its tabs. */
  readonly detailRows: number
  readonly detailColumns: number
  /** Lines of the log, or of a dialog in its place. */
  readonly logRows: number
  /** The help screen's text. */
  readonly helpRows: number
}

export const tooSmall = ({columns, rows}: Size): boolean => columns < MIN_COLUMNS || rows < MIN_ROWS

export const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value))

/** Header, message and footer take a line each; body and log have a line above them. */
export function geometryOf({columns, rows}: Size): Geometry {
  const drawn = rows - 1
  const logRows = clamp(Math.floor(rows / 8), 3, 8)
  const bodyRows = Math.max(3, drawn - 3 - (logRows + 1))
  // 34 columns hold marker, BDF, state and verdict; a wide screen also has room for what the device is
  const listColumns = columns < 100 ? 34 : clamp(Math.floor(columns * 0.45), 34, 66)
  return {
    rows: drawn,
    bodyRows,
    listRows: bodyRows - 1,
    listColumns,
    detailRows: bodyRows - 2,
    // one blank beside the border
    detailColumns: Math.max(1, columns - listColumns - 1),
    logRows,
    helpRows: Math.max(1, drawn - 2),
  }
}

/** First line to show so that `at` is visible in a window of `height` over `count` lines, moving as little as possible. */
export const scrollTo = (top: number, at: number, height: number, count: number): number =>
  clamp(clamp(top, at - height + 1, at), 0, Math.max(0, count - height))
