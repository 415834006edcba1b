/** Built-in scenarios. */
import {BARE, EMPTY} from './empty.js'
import {GUEST} from './guest.js'

export const SCENARIO_TEXTS: Readonly<Record<string, string>> = {guest: GUEST, empty: EMPTY, bare: BARE}

/** Title of every built-in scenario by name. */
export const SCENARIOS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SCENARIO_TEXTS).map(([name, text]) => [name, /^title: (.*)$/m.exec(text)![1]!]),
)
