/**
 * What Linux made of the IDE capabilities that it found. It looks once, when it finds a function, and claims the Stream IDs that are
 * already enabled then; one ID that it cannot claim makes it forget the whole capability. Linux drivers/pci/ide.c,
 * `pci_ide_init`. Blocks that stream links name were free then; all others that are enabled now are taken for old.
 */
import {type Ide, IDLE_STREAM_ID, type LinkStream, type SelectiveStream} from '../decode.js'
import {FABRIC_PORT_TYPE, type FabricFunction} from '../fabric.js'
import {ideOf, type Machine} from './machine.js'

export type Reason = 'no-core' | 'no-selective' | 'no-root-port' | 'claimed' | 'not-a-pair'

export interface Ignored {
  readonly why: Reason
  readonly text: string
}

const UNPAIRED = 'Linux makes streams between a root port and an endpoint only'

/** Enabled blocks that the kernel did not enable; none where that cannot be told. */
function claims(machine: Machine, fn: FabricFunction, ide: Ide): readonly (SelectiveStream | LinkStream)[] {
  if (!machine.ownersKnown(fn).known) return []
  const selective = ide.selectiveStreams.filter(
    ({enabled, usableByLinux, index}) => enabled && usableByLinux && !machine.isNamed(fn.bdf, index),
  )
  return [...selective, ...ide.linkStreams.filter(({enabled}) => enabled)]
}

export interface Enumeration {
  /** Reason by BDF, for every function that has an IDE capability and is treated as if it had none. */
  readonly ignored: ReadonlyMap<string, Ignored>
  /** Stream IDs that were claimed then, by host bridge, each with the function that holds it. */
  readonly claimed: ReadonlyMap<string, ReadonlyMap<number, string>>
}

export function enumeratedByLinux(machine: Machine): Enumeration {
  const ignored = new Map<string, Ignored>()
  const claimed = new Map<string, Map<number, string>>()
  for (const bridge of machine.bridges) {
    // a dump of configuration spaces says nothing about a kernel
    if (bridge.available.present && !bridge.available.value.known) continue
    const holders = new Map<number, string>()
    claimed.set(bridge.name, holders)
    for (const fn of machine.below(bridge.name)) {
      const ide = ideOf(fn)
      if (ide === undefined) continue
      const reason = bridge.available.present ? refuse(machine, fn, ide, holders, ignored) : noCore(bridge.name)
      // a stream link is proof that Linux did not ignore it
      if (reason !== undefined && !machine.hasNamed(fn.bdf)) ignored.set(fn.bdf, reason)
    }
  }
  return {ignored, claimed}
}

const noCore = (bridge: string): Ignored => ({
  why: 'no-core',
  text: `this kernel makes no IDE streams below ${bridge}: there is no available_secure_streams`,
})

function refuse(
  machine: Machine,
  fn: FabricFunction,
  ide: Ide,
  holders: Map<number, string>,
  ignored: ReadonlyMap<string, Ignored>,
): Ignored | undefined {
  if (!ide.capability.selectiveSupported)
    return {why: 'no-selective', text: 'it supports Link streams only, and Linux makes Selective streams'}
  const type = fn.portType.known ? fn.portType.value : undefined
  if (type === FABRIC_PORT_TYPE.endpoint) {
    const unpaired = withoutRootPort(machine, fn, ignored)
    if (unpaired !== undefined) return unpaired
  }
  for (const {streamId, kind, index} of claims(machine, fn, ide)) {
    const holder = holders.get(streamId)
    if (streamId === IDLE_STREAM_ID || holder !== undefined) {
      const why =
        holder === undefined
          ? `${streamId}, which Linux reserves for idle blocks`
          : `${streamId}, which ${holder} already holds`
      return {
        why: 'claimed',
        text: `its ${kind} block ${index} was enabled before Linux looked, with Stream ID ${why}`,
      }
    }
    holders.set(streamId, fn.bdf)
  }
  return type === undefined || type === FABRIC_PORT_TYPE.endpoint || type === FABRIC_PORT_TYPE.rootPort
    ? undefined
    : {why: 'not-a-pair', text: UNPAIRED}
}

function withoutRootPort(
  machine: Machine,
  fn: FabricFunction,
  ignored: ReadonlyMap<string, Ignored>,
): Ignored | undefined {
  const above = machine.rootPortOf(fn)
  if (!above.known) return undefined
  const port = above.value
  if (port === null) return {why: 'no-root-port', text: 'there is no root port above it'}
  if (port.ide.known && port.ide.value === undefined)
    return {why: 'no-root-port', text: `the root port ${port.bdf} above it has no IDE capability`}
  const cause = ignored.get(port.bdf)
  return cause && {why: 'no-root-port', text: `Linux ignores the root port ${port.bdf} above it: ${cause.text}`}
}
