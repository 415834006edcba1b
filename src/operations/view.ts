/** A decoded object as people and scripts see it. */
import type {Finding, Json} from '../bits/index.js'
import {harmless} from '../errors.js'

export interface View {
  readonly fields: Json
  readonly found: readonly Finding[]
  readonly text: string
}

export const findingLines = (found: readonly Finding[]): string =>
  found.map(({offset, message}) => `finding at byte ${offset}: ${harmless(message, 200)}\n`).join('')
