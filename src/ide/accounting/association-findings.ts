/** What traffic the two ends of a stream take for theirs: Requester IDs and addresses. */
import {hex} from '../../bits/index.js'
import type {StreamAccount, StreamEnd} from '../account.js'
import type {FabricFunction, FabricWindow} from '../fabric.js'
import type {FindingCode} from './codes.js'
import type {Seen} from './findings.js'
import type {Machine} from './machine.js'

const NAMED = 4

const some = (functions: readonly FabricFunction[]): string => {
  const names = functions.slice(0, NAMED).map(({bdf}) => bdf)
  const more = functions.length - names.length
  return more === 0 ? names.join(', ') : `${names.join(', ')} and ${more} more`
}

const rangeOf = ({registers: {rid}}: StreamEnd): string => `${hex(rid.base, 4)}-${hex(rid.limit, 4)}`

const covers = ({registers: {rid}}: StreamEnd, fn: FabricFunction): boolean => rid.base <= fn.rid && fn.rid <= rid.limit

const nameOf = ({bdf, block}: StreamEnd): string => `${bdf} block ${block}`

/** What is wrong with the Requester ID association of an end. */
function invalidRid(end: StreamEnd, partner: FabricFunction | undefined): string | undefined {
  const {rid, defaultStream} = end.registers
  // a default stream takes what no association claims
  if (!rid.valid) return defaultStream ? undefined : `${nameOf(end)} has no valid Requester ID association`
  if (rid.limit < rid.base) return `${nameOf(end)} associates ${rangeOf(end)}, which ends before it starts`
  if (partner === undefined || covers(end, partner)) return undefined
  return `${nameOf(end)} associates ${rangeOf(end)}, which leaves out the other end ${partner.bdf}`
}

/** Functions of other devices behind the same root port whose traffic the association takes for the stream's. */
function foreign(machine: Machine, end: StreamEnd, device: FabricFunction): string | undefined {
  const [rootPort] = device.ports
  if (!end.registers.rid.valid || rootPort === undefined) return undefined
  const others = machine
    .behind(rootPort)
    // ports forward the traffic of others, and have next to none of their own
    .filter(fn => fn.domain === device.domain && fn.buses === undefined)
    .filter(fn => covers(end, fn) && !machine.sameDevice(fn, device))
  return others.length === 0 ? undefined : `${nameOf(end)} associates ${rangeOf(end)}, which covers ${some(others)}`
}

/** `windows`: what the port forwards; undefined where unknown, and for an endpoint. */
function addresses(end: StreamEnd, windows: readonly FabricWindow[] | undefined, subject: string): Seen[] {
  return end.registers.addresses.flatMap(({index, valid, base, limit}): Seen[] => {
    if (!valid) return []
    const what = `${nameOf(end)} address association ${index}, ${hex(base)}-${hex(limit)},`
    if (limit < base) return [{code: 'address-invalid', subject, message: `${what} ends before it starts`}]
    if (windows === undefined || windows.some(window => window.base <= base && limit <= window.limit)) return []
    return [{code: 'address-outside', subject, message: `${what} is not what the port forwards`}]
  })
}

function missedVfs(machine: Machine, near: StreamEnd, device: FabricFunction): string | undefined {
  const missed = near.registers.rid.valid ? machine.vfsOf(device.bdf).filter(vf => !covers(near, vf)) : []
  return missed.length === 0
    ? undefined
    : `${nameOf(near)} associates ${rangeOf(near)}, which leaves out ${missed.length} virtual functions: ${some(missed)}`
}

const enabled = (end: StreamAccount['rootPort']): StreamEnd | undefined =>
  end?.known && end.value.registers.enabled ? end.value : undefined

export function associationFindings(machine: Machine, {rootPort, endpoint}: StreamAccount, subject: string): Seen[] {
  const device = endpoint?.known ? machine.at(endpoint.value.bdf) : undefined
  const port = rootPort?.known ? machine.at(rootPort.value.bdf) : undefined
  const seen: Seen[] = []
  const add = (code: FindingCode, message: string | undefined): void => {
    if (message !== undefined) seen.push({code, subject, message})
  }
  const near = enabled(rootPort)
  const far = enabled(endpoint)
  if (near !== undefined) {
    add('rid-invalid', invalidRid(near, device))
    if (device !== undefined) add('rid-foreign', foreign(machine, near, device))
    if (device !== undefined) add('rid-misses-vfs', missedVfs(machine, near, device))
    seen.push(...addresses(near, port?.windows, subject))
  }
  if (far !== undefined) {
    add('rid-invalid', invalidRid(far, port))
    if (device !== undefined) add('rid-foreign', foreign(machine, far, device))
    seen.push(...addresses(far, undefined, subject))
  }
  return seen
}
