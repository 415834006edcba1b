/** A decoded object as people and scripts see it. */
import type {Finding, Json} from '../bits/index.js'

export interface View {
  readonly fields: Json
  readonly found: readonly Finding[]
  readonly text: string
}
