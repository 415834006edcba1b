/** Plain text tables: left-aligned columns two spaces apart, no trailing blanks. */
export const table = (headers: readonly string[], rows: readonly (readonly string[])[]): string =>
  aligned([headers, ...rows])

/** The same without headings. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return rows.map(row => `${line(row)}\n`).join('')
}
