/** The serial console of a machine as text for people. */
import {stripVTControlCharacters} from 'node:util'

/** Lines of the console that a failure shows. */
const LAST_LINES = 40

/** One line without escape sequences and other control characters. */
export const cleanLine = (line: string): string =>
  // oxlint-disable-next-line no-control-regex
  stripVTControlCharacters(line).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')

/** Cuts text as it arrives into clean lines. */
export function lineReader(onLine: (line: string) => void): {push(text: string): void; end(): void} {
  let rest = ''
  return {
    push(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) onLine(cleanLine(line))
    },
    end() {
      if (rest !== '') onLine(cleanLine(rest))
      rest = ''
    },
  }
}

/** The last page of a console. */
export const lastPage = (lines: readonly string[]): readonly string[] =>
  lines.filter(line => line.trim() !== '').slice(-LAST_LINES)
