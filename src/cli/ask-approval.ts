/** A person's approval on the terminal: the whole review first, then exactly the words that name device and evidence. */
import {createInterface, type Interface} from 'node:readline/promises'
import {type Appraisal, needsReason, renderAppraisal} from '../appraisal/index.js'
import type {Actor} from '../kernel/index.js'
import {approvalText, type GivenApproval} from '../operations/approval.js'
import {talk} from './emit.js'

/** After so many wrong entries nobody is reading. */
const ATTEMPTS = 3
/** What was typed before anybody can have read the question is no answer to it. */
const TOO_EARLY_MS = 1500

/** Where a person is asked. */
export interface Terminal {
  /** Asks, after whatever was typed before was thrown away. */
  ask(question: string): Promise<string>
  tell(text: string): void
  close(): void
}

/** Undefined where this is no terminal. */
function ownTerminal(): Terminal | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  let lines: Interface | undefined
  return {
    tell: talk,
    async ask(question) {
      if (lines !== undefined) return lines.question(question)
      talk(question)
      await discard(process.stdin, TOO_EARLY_MS)
      lines = createInterface({input: process.stdin, output: process.stderr})
      return lines.question('')
    },
    close: () => lines?.close(),
  }
}

const forget = (): void => undefined

/** Reads and forgets what comes in the next `ms` milliseconds. */
async function discard(input: NodeJS.ReadStream, ms: number): Promise<void> {
  input.on('data', forget)
  await new Promise(resolve => setTimeout(resolve, ms))
  input.off('data', forget)
  input.pause()
}

export interface Question {
  readonly appraisal: Appraisal
  /** Exactly what has to be typed. */
  readonly wanted: string
  /** What it does. */
  readonly to: string
  readonly actor: Actor
}

/** Undefined when nobody can be asked; `rejected` after three wrong entries. */
export async function askFor(
  {appraisal, wanted, to, actor}: Question,
  terminal: Terminal | undefined = ownTerminal(),
): Promise<GivenApproval | 'rejected' | undefined> {
  if (terminal === undefined) return undefined
  terminal.tell(`${renderAppraisal(appraisal).join('\n')}\n\n`)
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      // one question after the other
      // oxlint-disable-next-line no-await-in-loop
      const typed = await terminal.ask(`To ${to}, type exactly: ${wanted}\n> `)
      if (typed !== wanted) {
        if (attempt < ATTEMPTS) terminal.tell(`That is not it; ${ATTEMPTS - attempt} more.\n`)
        continue
      }
      // oxlint-disable-next-line no-await-in-loop
      const reason = needsReason(appraisal) ? await terminal.ask('Why, in at least 10 characters:\n> ') : null
      return {typed, reason, by: actor.user ?? `uid ${actor.uid ?? 'unknown'}`}
    }
    return 'rejected'
  } finally {
    terminal.close()
  }
}

export const askApproval = (appraisal: Appraisal, bdf: string, actor: Actor): ReturnType<typeof askFor> =>
  askFor({appraisal, wanted: approvalText(appraisal, bdf), to: 'accept', actor})
