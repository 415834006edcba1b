/** What people read of a plan: who gets what in which order, what stops the others, and who would have to go. */
import {harmless, printable} from '../errors.js'
import type {ConflictRow, IdePlan} from './ide-plan.js'
import {table} from './text-table.js'

const HEADERS = ['', 'DEVICE', 'HOST BRIDGE', 'SLOT', 'ROOT PORT', 'BLOCK', 'DEVICE BLOCK', 'STREAM ID']
const FEW = 6

/** The first of them, and how many more there are: a list may hold thousands. */
function names(all: readonly string[]): string {
  const shown = all
    .slice(0, FEW)
    .map(name => printable(name))
    .join(', ')
  return all.length > FEW ? `${shown} and ${all.length - FEW} more` : shown
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`

function allocationText({allocation}: IdePlan): string {
  let step = 0
  const rows = allocation.map(row => [
    row.keeps ? 'keeps' : `${++step}.`,
    row.bdf,
    row.bridge,
    String(row.slot),
    row.rootPort ?? '?',
    String(row.rootPortBlock),
    String(row.endpointBlock),
    String(row.streamId ?? '?'),
  ])
  return rows.length === 0 ? 'no wanted device can have a stream now\n' : table(HEADERS, rows)
}

function scarcity({resource, of, size, streamId, holders}: ConflictRow): string {
  switch (resource) {
    case 'pool':
      return `host bridge ${of} has ${count(size, 'stream slot')} for them`
    case 'limit':
      return `the given limit leaves ${count(size, 'stream')} below host bridge ${of} for them`
    case 'ids':
      return `host bridge ${of} has ${count(size, 'Stream ID')} for them`
    case 'held-id':
      return (
        `host bridge ${of} has ${count(size, 'stream slot')} for them; the next ` +
        `takes slot ${streamId} and with it Stream ID ${streamId}, which is ` +
        `${holders.length === 0 ? 'reserved' : `held by ${names(holders)}`}: every connect there fails with EBUSY`
      )
    case 'root-port':
      return `root port ${of} has ${count(size, 'stream block')} for them`
    case 'endpoint':
      return 'all its own stream blocks are taken; those that firmware enabled stay so until the machine is reset'
  }
}

function conflictText(conflict: ConflictRow): string {
  const {leftOut, among, heldBy} = conflict
  return [
    `does not fit: ${names(leftOut)}\n`,
    `  ${scarcity(conflict)}\n`,
    among.length === 0 ? '' : `  competes with ${names(among)}: without any one of these, one more fits\n`,
    heldBy.length === 0 ? '' : `  part of it is held by ${names(heldBy)}, connected and not asked for\n`,
  ].join('')
}

function roomText({room, disconnects, conflicts}: IdePlan): string {
  if (room === null) return ''
  const singles = disconnects.map(({bdf, frees, others}) => {
    const instead = others === 0 ? '' : `, or one of ${others} more`
    return `disconnect ${bdf}: frees ${frees}${instead}\n`
  })
  if (room.disconnect.length === 0)
    return conflicts.some(({heldBy}) => heldBy.length > 0) ? 'no disconnect makes room for more of them\n' : ''
  const rest = room.conflicts.reduce((sum, {leftOut}) => sum + leftOut.length, 0)
  const left = rest === 0 ? 'then everything that can have a stream fits' : `${rest} still do not fit`
  return [
    ...singles.slice(0, FEW),
    singles.length > FEW ? `… and ${singles.length - FEW} more, each on its own\n` : '',
    `fewest disconnects: ${names(room.disconnect)} for ${names(room.admits)}; ${left}\n`,
  ].join('')
}

const refusals = (what: string, all: IdePlan['never']): string =>
  all.map(({bdf, reason}) => `${what}: ${bdf}: ${harmless(reason, 400)}\n`).join('')

export function idePlanText(plan: IdePlan): string {
  return [
    allocationText(plan),
    plan.conflicts.map(conflictText).join(''),
    refusals('can never', plan.never),
    refusals('left aside, Linux ignores its IDE', plan.aside),
    refusals('not known', plan.unknown),
    roomText(plan),
  ]
    .filter(part => part !== '')
    .join('\n')
}
