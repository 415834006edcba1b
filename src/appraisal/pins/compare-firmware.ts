/** What changed in what runs on a device: security versions, measured values, DICE layers. */
import {change, list, shortOf} from './rows.js'
import type {Change, DeviceProfile, DiceLayer, MeasuredBlock} from './types.js'

type ApprovedBy = (index: number) => string | null

const isSvn = ({type}: MeasuredBlock): boolean => type === 'svn'
const isNoSvn = (block: MeasuredBlock): boolean => !isSvn(block)
const ofIndex = (blocks: readonly MeasuredBlock[], index: number): MeasuredBlock | undefined =>
  blocks.find(block => block.index === index)

/** A raw security version number: eight bytes, least significant first (DSP0274 §10.11.1). */
export function svnOf({type, valueType, value}: MeasuredBlock): bigint | undefined {
  if (type !== 'svn' || valueType !== 'raw' || !/^[0-9a-f]{16}$/.test(value)) return undefined
  return Buffer.from(value, 'hex').readBigUInt64LE()
}

const svnText = (block: MeasuredBlock | undefined): string | null =>
  block === undefined ? null : String(svnOf(block) ?? 'malformed')

export function svnChanges(was: DeviceProfile, is: DeviceProfile): Change[] {
  const [before, after] = [was.measurements.filter(isSvn), is.measurements.filter(isSvn)]
  const indices = [...new Set([...before, ...after].map(({index}) => index))].toSorted((a, b) => a - b)
  return indices.flatMap(index => {
    const [old, now] = [ofIndex(before, index), ofIndex(after, index)]
    if (old?.value === now?.value) return []
    const [from, to] = [old && svnOf(old), now && svnOf(now)]
    const falls = old !== undefined && (from === undefined || to === undefined || to < from)
    const text = `security version of block ${index} ${falls ? 'fell' : old === undefined ? 'appeared' : 'rose'}`
    return [change('svn', text, svnText(old), svnText(now), {grave: falls})]
  })
}

interface Moved {
  readonly kind: 'removed' | 'added' | 'changed'
  readonly index: number
  readonly group: string | undefined
  readonly before: MeasuredBlock | undefined
  readonly after: MeasuredBlock | undefined
}

const ORDER = ['removed', 'added', 'changed'] as const

function moved(was: readonly MeasuredBlock[], is: readonly MeasuredBlock[]): Moved[] {
  const indices = [...new Set([...was, ...is].map(({index}) => index))].toSorted((a, b) => a - b)
  return indices.flatMap((index): Moved[] => {
    const [before, after] = [ofIndex(was, index), ofIndex(is, index)]
    const same =
      before?.value === after?.value && before?.type === after?.type && before?.valueType === after?.valueType
    if (same) return []
    const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
    return [{kind, index, group: (after ?? before)!.group, before, after}]
  })
}

const valueOf = (block: MeasuredBlock | undefined): string | null => (block === undefined ? null : shortOf(block.value))

/** `approved by rim/gpu-fw-570, signer gpu-rim`, or that nothing approves it. */
const approvalText = (approved: string | null): string =>
  approved === null ? 'no reference' : `approved by ${approved}`

function single({kind, index, before, after}: Moved, approvedBy: ApprovedBy): Change {
  const type = before !== undefined && after !== undefined && before.type !== after.type ? `${before.type} to ` : ''
  const what = `block ${index} (${type}${(after ?? before)!.type}) ${kind}`
  const text = after === undefined ? what : `${what}, ${approvalText(approvedBy(index))}`
  return change('measurement', text, valueOf(before), valueOf(after))
}

function grouped(kind: Moved['kind'], group: string, members: readonly Moved[], approvedBy: ApprovedBy): Change {
  const approvals = [...new Set(members.flatMap(({after, index}) => (after === undefined ? [] : [approvedBy(index)])))]
  // one member that nothing approves speaks for the whole group
  const approved = approvals.includes(null) ? null : list(approvals.filter(item => item !== null))
  const what = `${group} (${members.length} blocks) ${kind}`
  return change(
    'measurement',
    kind === 'removed' ? what : `${what}, ${approvalText(approved)}`,
    valueOf(members[0]!.before),
    valueOf(members[0]!.after),
  )
}

/** Removed, added, changed, in order of index; what a vendor's adapter calls one group is one row. */
export function measurementChanges(was: DeviceProfile, is: DeviceProfile, approvedBy: ApprovedBy): Change[] {
  const all = moved(was.measurements.filter(isNoSvn), is.measurements.filter(isNoSvn))
  return ORDER.flatMap(kind => {
    const seen = new Set<string>()
    const ofKind = all.filter(item => item.kind === kind)
    return ofKind.flatMap(item => {
      const {group} = item
      const members = group === undefined ? [item] : ofKind.filter(other => other.group === group)
      if (group === undefined || members.length === 1) return [single(item, approvedBy)]
      if (seen.has(group)) return []
      seen.add(group)
      return [grouped(kind, group, members, approvedBy)]
    })
  })
}

const BAD_FLAGS = ['debug', 'recovery', 'notSecure']

function layerChanges(was: DiceLayer | undefined, is: DiceLayer | undefined): Change[] {
  const name = `DICE layer ${(is ?? was)!.layer}`
  if (was === undefined) return [change('dice', `${name} appeared`, null, fwidText(is!))]
  if (is === undefined) return [change('dice', `${name} is gone`, fwidText(was), null)]
  if (was.layer !== is.layer) return [...layerChanges(was, undefined), ...layerChanges(undefined, is)]
  const rows: Change[] = []
  if (list(was.fwids) !== list(is.fwids)) rows.push(change('dice', `${name}: firmware id`, fwidText(was), fwidText(is)))
  if (was.svn !== is.svn) {
    const falls = was.svn !== null && (is.svn === null || BigInt(is.svn) < BigInt(was.svn))
    rows.push(change('dice', `${name}: svn ${falls ? 'fell' : 'rose'}`, was.svn, is.svn, {grave: falls}))
  }
  const [before, after] = [list(was.flags), list(is.flags)]
  if (before !== after)
    rows.push(
      change('dice', `${name}: flags`, before, after, {
        grave: is.flags.some(flag => BAD_FLAGS.includes(flag) && !was.flags.includes(flag)),
      }),
    )
  return rows
}

/** For people: what is compared are whole ids. */
const fwidText = ({fwids}: DiceLayer): string | null => list(fwids.map(shortOf))

/** Layers are compared in the order in which the certificates describe them. */
export function diceChanges({dice: was}: DeviceProfile, {dice: is}: DeviceProfile): Change[] {
  const length = Math.max(was.length, is.length)
  return Array.from({length}, (_, i) => layerChanges(was[i], is[i])).flat()
}
