/** All rows that are run on evidence, and where the cases are that need a live device or a policy file. */
import {ROWS as ACQUISITION} from './acquisition.js'
import {ROWS as BINDING} from './binding.js'
import {ROWS as BUNDLE} from './bundle.js'
import {ROWS as CHAIN} from './chain.js'
import {ROWS as DICE} from './dice.js'
import {ROWS as IDENTITY} from './identity.js'
import {ROWS as MACHINE} from './machine.js'
import {ROWS as MEASUREMENTS} from './measurements.js'
import {ROWS as PINNED} from './pinned.js'
import {ROWS as POLICY} from './policy.js'
import {ROWS as REPORT} from './report.js'
import {ROWS as REVOCATION} from './revocation.js'
import type {Row} from './row.js'
import {ROWS as SESSION} from './session.js'

export const ROWS: readonly Row[] = [
  ...ACQUISITION,
  ...BUNDLE,
  ...SESSION,
  ...CHAIN,
  ...REVOCATION,
  ...IDENTITY,
  ...DICE,
  ...MEASUREMENTS,
  ...BINDING,
  ...REPORT,
  ...PINNED,
  ...MACHINE,
  ...POLICY,
]
