/**
 * Two rules for one device (L13). Which class or address a device has that a rule knows by its id is nobody's to know
 * here: selectors are compared where one names nothing that the other does not name too. Where that is not so, two
 * matches deny when they happen.
 */
import type {Match, PolicyDocument, Rule} from '../schema.js'
import {type Reporter, ruleName} from './finding.js'

const meet = (a: readonly string[], b: readonly string[]): boolean => a.some(item => b.includes(item))
const prefixes = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a)

/** Can one name match both patterns? */
function namesMeet(a: string, b: string): boolean {
  const [openA, openB] = [a.endsWith('*'), b.endsWith('*')]
  const [headA, headB] = [openA ? a.slice(0, -1) : a, openB ? b.slice(0, -1) : b]
  if (openA && openB) return prefixes(headA, headB)
  if (openA) return headB.startsWith(headA)
  return openB ? headA.startsWith(headB) : a === b
}

/** Can a device match both in this member? Only asked where both name it. */
const MEET: {readonly [K in keyof Match]-?: (a: NonNullable<Match[K]>, b: NonNullable<Match[K]>) => boolean} = {
  vendor: (a, b) => a === b,
  device: meet,
  subsystem: (a, b) => a === b,
  class: prefixes,
  bdf: meet,
  san: namesMeet,
}
const MEMBERS = Object.keys(MEET) as readonly (keyof Match)[]

/** Is there a device that both match, as far as what they both name can tell? */
export const matchesMeet = (a: Match, b: Match): boolean =>
  MEMBERS.every(member => {
    const [one, other] = [a[member], b[member]]
    return one === undefined || other === undefined || MEET[member](one as never, other as never)
  })

const namesNoMore = (a: Match, b: Match): boolean =>
  MEMBERS.every(member => a[member] === undefined || b[member] !== undefined)

/** Names one selector nothing that the other does not name? */
export const areComparable = (a: Match, b: Match): boolean => namesNoMore(a, b) || namesNoMore(b, a)

/** A certificate name counts under the rule's own anchors: two rules without a common one may never see it both. */
const shareAnchors = (a: Rule, b: Rule): boolean =>
  a.match.san === undefined || b.match.san === undefined || meet(a.anchors ?? [], b.anchors ?? [])

/** Rules of one id are a finding already. */
const collide = (a: Rule, b: Rule): boolean =>
  a.id !== b.id && areComparable(a.match, b.match) && matchesMeet(a.match, b.match) && shareAnchors(a, b)

/** Each is compared with each: beyond this nobody reads them, nor waits for the answer. */
const MOST_RULES = 1000

export function lintOverlap({find}: Reporter, {rules}: PolicyDocument): void {
  if (rules.length > MOST_RULES) {
    find('L13', 'rules', `there are ${rules.length}, and at most ${MOST_RULES} are compared`)
    return
  }
  rules.forEach((rule, i) => {
    const other = rules.find((one, j) => j > i && collide(rule, one))
    if (other !== undefined) find('L13', ruleName(rule), `rule ${other.id} matches the same devices; two matches deny`)
  })
}
