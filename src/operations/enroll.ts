/**
 * `enroll`: a person makes a device one that this machine knows. Nothing is accepted by that: evidence is collected and
 * appraised, whatever can never be waived must have passed, and the TSM must have seen the same bytes.
 */
import {type Appraisal, type Approval, fallenVersions, type Pin, type Policy} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Bundle} from '../evidence/index.js'
import type {Kernel} from '../kernel/index.js'
import {readTdi, type Tdi} from '../tsm/index.js'
import type {GivenApproval} from './approval.js'
import {committedEvidence} from './audit.js'
import {collectHeld, type CollectOptions} from './collect.js'
import {enrolPin} from './pin-store.js'
import {recordAudit} from './record-audit.js'
import {appraiseLive} from './review.js'
import {exclusively} from './transition.js'

export interface EnrollOptions extends CollectOptions {
  readonly policy: Policy
  readonly clockTrusted?: boolean | undefined
  /** Only the entry for an allow list is wanted: nothing is stored, and nobody is asked. */
  readonly exportOnly?: boolean | undefined
  /** Asks a person to type `wanted`. */
  readonly ask?: ((appraisal: Appraisal, wanted: string) => Promise<GivenApproval | 'rejected' | undefined>) | undefined
}

/** An entry of `identity.allow`. */
export interface AllowEntry {
  readonly certSha384?: string
  readonly san?: string
  readonly label: string
}

export interface Enrollment {
  readonly bdf: string
  readonly digest: string
  readonly pinId: string
  readonly san: string | null
  /** Null where only the entry was wanted. */
  readonly enrolled: 'new' | 'again' | null
  readonly allow: AllowEntry
}

/** What has to be typed. */
export const enrollText = (bdf: string, {shortD}: Appraisal): string => `enroll ${bdf} ${shortD}`

const refusal = (bdf: string, got: string, hint: string, kind: 'denied' | 'review' | 'transition' | 'busy') =>
  new TsmctlError({kind, attempted: `enroll ${bdf}`, subject: bdf, got, hint})

function requireLocked(kernel: Kernel, {bdf, state}: Tdi): void {
  if (state === 'CONFIG_LOCKED') return
  const again = `tsmctl unlock ${bdf}, then lock and enroll it.`
  if (state !== 'RUN')
    throw refusal(
      bdf,
      `the TDI is ${state}: only what is locked can be known`,
      `tsmctl lock ${bdf} first.`,
      'transition',
    )
  throw committedEvidence(kernel, bdf) === null
    ? refusal(bdf, 'unverified (accepted by others): it was in RUN before tsmctl looked at it', again, 'busy')
    : refusal(bdf, 'it is in RUN already: its evidence is not what it is now', again, 'busy')
}

/** What the TSM must have seen with its own eyes. */
const DIGESTS = ['tsm.digest.certs', 'tsm.digest.measurements', 'tsm.digest.report']

/** The first thing that no enrolment may overlook. */
function obstacle({results, profile}: Appraisal): string | undefined {
  const fatal = results.find(item => item.class === 'F' && item.blocking)
  if (fatal !== undefined) return `${fatal.id}: ${fatal.text}`
  const unseen = results.find(({id, result}) => DIGESTS.includes(id) && result !== 'pass')
  if (unseen !== undefined) return `${unseen.id}: ${unseen.text}`
  return profile === null ? 'its evidence did not verify' : undefined
}

function allowEntry({profile, rule}: Appraisal, {document}: Policy): AllowEntry {
  const {certificate, leaf, san} = profile!
  const kind = document.rules.find(({id}) => id === rule)?.identity?.pin
  const label = (san ?? 'enrolled device').slice(0, 80)
  if (kind === 'san' && san !== null) return {san, label}
  return {certSha384: kind === 'leaf' ? leaf : certificate, label}
}

export const enroll = (kernel: Kernel, bdf: string, options: EnrollOptions): Promise<Enrollment> =>
  exclusively(kernel, bdf, async () => {
    requireLocked(kernel, await readTdi(kernel, bdf, options.signal))
    const bundle = await collectHeld(kernel, bdf, options)
    const appraisal = await appraiseLive(kernel, bundle, options)
    const found = obstacle(appraisal)
    if (found !== undefined)
      throw refusal(bdf, found, 'tsmctl verify shows every check. Nothing makes up for this one.', 'denied')
    const {pinId, san} = appraisal.profile!
    const result = {bdf, digest: bundle.digest, pinId, san, allow: allowEntry(appraisal, options.policy)}
    if (options.exportOnly) return {...result, enrolled: null}
    const approval = await confirmed(kernel, bdf, appraisal, options)
    return {...result, enrolled: await store(kernel, bundle, appraisal, approval)}
  })

async function confirmed(kernel: Kernel, bdf: string, appraisal: Appraisal, {ask}: EnrollOptions): Promise<Approval> {
  const wanted = enrollText(bdf, appraisal)
  const given = await ask?.(appraisal, wanted)
  if (given === 'rejected') throw refusal(bdf, 'three wrong entries: taken as a no', 'Nothing was changed.', 'review')
  if (given === undefined || given.typed !== wanted)
    throw refusal(bdf, 'nobody confirmed it', `A person types it on a terminal: tsmctl enroll ${bdf}`, 'review')
  const {by, reason} = given
  return {by, method: 'typed', at: kernel.now().toISOString(), reason, digest: appraisal.D}
}

/** Recorded before it is stored. */
async function store(
  kernel: Kernel,
  bundle: Bundle,
  appraisal: Appraisal,
  approval: Approval,
): Promise<'new' | 'again'> {
  const profile = appraisal.profile!
  const bdf = bundle.manifest.device.bdf!
  let before: Pin | undefined
  await enrolPin(kernel, {bundle, appraisal, by: approval.by, profile}, found => {
    before = found
    const fallen = found === undefined ? [] : fallenVersions(found, profile)
    if (fallen.length > 0)
      throw refusal(
        bdf,
        `its security version fell: ${fallen.join(', ')}`,
        `tsmctl forget ${profile.pinId} gives up what it was, on record.`,
        'denied',
      )
    recordAudit(kernel, 'enrolled', {bdf, bundle, appraisal, approval, result: {pinId: profile.pinId}})
  })
  return before === undefined ? 'new' : 'again'
}
