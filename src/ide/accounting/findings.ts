/** All findings of an account, by bridge, function and stream, errors before warnings before hints. */
import type {IdeAccount, IdeFinding} from '../account.js'
import {bridgeFindings} from './bridge-findings.js'
import {FINDINGS, type FindingCode} from './codes.js'
import type {Ignored} from './ignored.js'
import type {Machine} from './machine.js'
import {portFindings} from './port-findings.js'
import {streamFindings} from './stream-findings.js'

export type Accounted = Omit<IdeAccount, 'findings'>

/** What was seen, of whom; severity and remedy come from the table of codes. */
export interface Seen {
  readonly code: FindingCode
  readonly subject: string
  readonly message: string
}

const ORDER = ['error', 'warning', 'hint']

export function findingsOf(
  machine: Machine,
  account: Accounted,
  ignored: ReadonlyMap<string, Ignored>,
): readonly IdeFinding[] {
  return [...bridgeFindings(machine, account), ...portFindings(account, ignored), ...streamFindings(machine, account)]
    .map(({code, subject, message}): IdeFinding => {
      const {severity, remedy} = FINDINGS[code]
      return {code, severity, subject, message, remedy}
    })
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))
}
