/** A person's approval on the terminal: the whole review first, then exactly the words that name device and evidence. */
import {createInterface} from 'node:readline/promises'
import {type Appraisal, needsReason, renderAppraisal} from '../appraisal/index.js'
import type {Actor} from '../kernel/index.js'
import {approvalText, type GivenApproval} from '../operations/approval.js'
import {talk} from './emit.js'

/** Undefined when nobody can be asked, because this is no terminal. */
export async function askApproval(appraisal: Appraisal, bdf: string, actor: Actor): Promise<GivenApproval | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  talk(`${renderAppraisal(appraisal).join('\n')}\n\n`)
  const lines = createInterface({input: process.stdin, output: process.stderr})
  try {
    const typed = await lines.question(`To accept, type exactly: ${approvalText(appraisal, bdf)}\n> `)
    const reason = needsReason(appraisal) ? await lines.question('Why, in at least 10 characters:\n> ') : null
    return {typed, reason, by: actor.user ?? `uid ${actor.uid ?? 'unknown'}`}
  } finally {
    lines.close()
  }
}
