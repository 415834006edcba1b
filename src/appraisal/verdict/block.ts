/** What a review consists of: blocks of rows, made once and drawn by whoever shows them. All text is printable ASCII. */
import type {Mark} from './words.js'

export interface Row {
  readonly mark: Mark | null
  /** Id of a check, or what the text is about. */
  readonly name: string | null
  readonly text: string
  /** Further lines: consequence, next step. */
  readonly notes: readonly string[]
}

export interface Block {
  readonly id: 'verdict' | 'against' | 'changed' | 'who' | 'runs' | 'link' | 'wiring' | 'decided' | 'raw'
  readonly title: string
  readonly rows: readonly Row[]
  /** What is left of the block where it is collapsed; null for one that never is. */
  readonly folded: readonly Row[] | null
}

export const marked = (mark: Mark, text: string): Row => ({mark, name: null, text, notes: []})
export const pair = (name: string, text: string, mark: Mark | null = null): Row => ({mark, name, text, notes: []})
export const plain = (text: string): Row => ({mark: null, name: null, text, notes: []})
