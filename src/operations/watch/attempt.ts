/** One unattended attempt at one device: select, admit, remember. */
import {type EffectiveRule, effectiveRule, matchesClaims, type Policy} from '../../appraisal/index.js'
import {nameOfJson} from '../../evidence/index.js'
import {type ErrorKind, harmless, TsmctlError} from '../../errors.js'
import type {Kernel} from '../../kernel/index.js'
import {admit} from '../admit.js'
import {readPciFacts} from '../device-facts.js'
import {basisOf} from './basis.js'
import type {Denial, MemoryOfAdmission} from './memory.js'
import {stableDigest} from './stable-digest.js'
import type {AdmissionNews} from './types.js'

/** Failures that may pass by themselves. Evidence that cannot be decoded may be one that was cut on its way. */
const PASSING: ReadonlySet<ErrorKind> = new Set(['busy', 'timeout', 'transition', 'malformed', 'interrupted'])

export interface AttemptOptions {
  readonly policy: Policy
  readonly memory: MemoryOfAdmission
  readonly bootId: string | null
  readonly signal: AbortSignal
  /** It was plugged, or the policy changed, since this watch began: an old denial is no reason not to ask it again. */
  readonly changed: boolean
  readonly onStep?: ((line: string) => void) | undefined
  readonly tell: (news: AdmissionNews) => void
  readonly externalDecision?: string | undefined
}

export const news = (
  bdf: string,
  outcome: AdmissionNews['outcome'],
  message: string,
  more: Partial<AdmissionNews> = {},
): AdmissionNews => ({
  kind: 'admission',
  bdf,
  outcome,
  message: harmless(message),
  digest: null,
  rule: null,
  checks: [],
  retryInMilliseconds: null,
  error: null,
  ...more,
})

const wantsPerson = ({human, decision}: EffectiveRule): boolean => human !== 'none' || decision === 'review'

/** What the policy says before anybody touches the device; undefined when it has to be asked. */
function foreseen(bdf: string, policy: Policy, device: Parameters<typeof matchesClaims>[1]): AdmissionNews | undefined {
  const rules = policy.document.rules.filter(({match}) => matchesClaims(match, device)).map(effectiveRule)
  const [only] = rules
  const rule = rules.length === 1 ? (only?.id ?? null) : null
  if (only === undefined) return news(bdf, 'not-selected', 'no rule of the policy selects it: it is not touched')
  if (rules.every(({decision}) => decision === 'deny'))
    return news(bdf, 'denied', `rule ${only.id} denies whatever it selects: it is not touched`, {rule})
  if (rules.every(wantsPerson))
    return news(
      bdf,
      'review',
      `review needed: rule ${only.id} wants a person; tsmctl tui, or lock, evidence and accept`,
      {
        rule,
      },
    )
  return undefined
}

const said = (error: TsmctlError): string => `${error.message}${error.hint === undefined ? '' : `. ${error.hint}`}`

/** What a failure means for the device. `retry` leaves it to the caller when. */
function failed(bdf: string, error: TsmctlError, signal: AbortSignal): AdmissionNews {
  if (signal.aborted) return news(bdf, 'stopped', said(error), {error})
  if (error.kind === 'review') return news(bdf, 'review', `review needed: ${said(error)}`, {error})
  return news(bdf, PASSING.has(error.kind) ? 'retry' : 'failed', said(error), {error})
}

const denialText = ({at, reason}: Denial): string => `denied before, at ${at}: ${reason}`

/** Tries to admit `bdf`. Never throws a TsmctlError: what went wrong is the answer. */
export async function attempt(kernel: Kernel, bdf: string, options: AttemptOptions): Promise<AdmissionNews> {
  const {policy, memory, bootId, signal} = options
  const policyDigest = basisOf(policy)
  let evidence: string | undefined
  try {
    const {bdf: _, driver: __, command: ___, ...claimed} = await readPciFacts(kernel, bdf, signal)
    const claims = nameOfJson([
      claimed.vendor,
      claimed.device,
      claimed.subsystem,
      claimed.class,
      claimed.revision,
      claimed.dsn ?? null,
    ])
    const before = memory.denialOf(bdf)
    const underSamePolicy = before !== undefined && before.policy === policyDigest
    if (underSamePolicy && !options.changed && before.claims === claims && before.bootId === bootId)
      return news(bdf, 'denied', `${denialText(before)}; nothing changed since: it is not touched`)
    const answer = foreseen(bdf, policy, {bdf, ...claimed})
    if (answer !== undefined) return answer

    options.tell(news(bdf, 'begun', 'admission begins'))
    memory.begin(bdf, bootId)
    const denied = (reason: string): [string, Denial] => [
      bdf,
      {
        claims,
        policy: policyDigest,
        evidence: evidence!,
        bootId,
        at: kernel.now().toISOString(),
        reason,
        times: underSamePolicy && before.evidence === evidence ? before.times + 1 : 1,
      },
    ]
    const result = await admit(kernel, bdf, {
      policy,
      signal,
      onStep: options.onStep,
      externalDecision: options.externalDecision,
      async beforeAppraisal(bundle) {
        evidence = await stableDigest(bundle)
        if (!underSamePolicy || before.evidence !== evidence) return
        throw new SameEvidence(bdf, before)
      },
    }).catch((error: unknown) => {
      if (!(error instanceof TsmctlError) || !isSameEvidence(error)) throw error
      memory.end({denied: denied(before!.reason)})
      return news(bdf, 'denied', said(error), {error})
    })
    if ('kind' in result) return result
    const {digest, appraisal, failure} = result
    const about = {
      digest,
      rule: appraisal.rule,
      checks: appraisal.results.flatMap(({blocking, id}) => (blocking ? [id] : [])),
    }
    if (failure === null) {
      const {driver} = result.after
      const bound = driver === null ? 'no driver to bind' : `driver ${driver} bound`
      const unremembered = refusalOf(() => memory.end({admitted: [bdf, digest, bootId]}))
      const but = unremembered === undefined ? '' : `; not remembered after a restart: ${unremembered.message}`
      return news(bdf, 'admitted', `admitted by rule ${appraisal.rule}; ${bound}${but}`, about)
    }
    if (failure.kind !== 'denied') return {...failed(bdf, failure, signal), ...about}
    // a program of the site may think otherwise tomorrow, whatever device and policy are
    if (appraisal.external?.answer === 'deny') return news(bdf, 'retry', said(failure), {...about, error: failure})
    memory.end({denied: denied(failure.got ?? failure.message)})
    return news(bdf, 'denied', said(failure), {...about, error: failure})
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    return failed(bdf, error, signal)
  } finally {
    if (memory.underway?.bdf === bdf) memory.end()
  }
}

/** A device that runs is told as what it is, whatever became of the note about it. */
function refusalOf(act: () => void): TsmctlError | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
}

class SameEvidence extends TsmctlError {
  constructor(bdf: string, before: Denial) {
    super({
      kind: 'denied',
      attempted: `admit ${bdf}`,
      subject: bdf,
      got: `its evidence is the same that was ${denialText(before)}`,
      hint: 'It is asked again when the device or the policy changes.',
    })
  }
}

/** Giving the device back adds how it was left, and keeps the cause. */
const isSameEvidence = (error: unknown): boolean =>
  error instanceof SameEvidence ||
  (error instanceof TsmctlError && error.cause !== undefined && isSameEvidence(error.cause))
