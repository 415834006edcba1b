/** The three numbers of every function with an IDE capability. */
import {type Known, known, mapKnown, thenKnown} from '../../known.js'
import type {Numbers, PortAccount, Role} from '../account.js'
import type {Ide} from '../decode.js'
import type {FabricFunction} from '../fabric.js'
import type {Ignored} from './ignored.js'
import {isRootPort, isSwitchPort, type Machine} from './machine.js'

const roleOf = (fn: FabricFunction): Role => {
  if (isRootPort(fn)) return 'root port'
  return isSwitchPort(fn) ? 'switch port' : 'endpoint'
}

/** Can we tell what Linux made of this function: who owns its blocks, and whether the port above it counts? */
function standing(machine: Machine, fn: FabricFunction): Known<true> {
  const available = machine.bridge(fn.bridge)?.available
  if (available?.present && !available.value.known) return available.value
  const owners = machine.ownersKnown(fn)
  if (!owners.known || isRootPort(fn)) return owners
  return thenKnown(machine.rootPortOf(fn), port => (port === null ? known(true) : mapKnown(port.ide, () => true)))
}

function portOf(machine: Machine, fn: FabricFunction, ide: Known<Ide>, ignored: Ignored | undefined): PortAccount {
  const blocks = thenKnown(standing(machine, fn), () => mapKnown(ide, ({selectiveStreams}) => selectiveStreams))
  const usable = mapKnown(blocks, all => (ignored === undefined ? all.filter(block => block.usableByLinux) : []))
  const isUsed = ({enabled, index}: {readonly enabled: boolean; readonly index: number}): boolean =>
    enabled || machine.isNamed(fn.bdf, index)
  const numbers: Known<Numbers> = thenKnown(blocks, all =>
    mapKnown(usable, kept => ({
      capability: ide.known ? ide.value.promised.selective : 0,
      usable: kept.length,
      inUse: all.filter(isUsed).length,
    })),
  )
  return {
    bdf: fn.bdf,
    bridge: fn.bridge,
    role: roleOf(fn),
    rootPort: isRootPort(fn) ? null : (fn.ports[0] ?? null),
    ide,
    numbers,
    free: mapKnown(usable, kept => kept.filter(block => !isUsed(block)).map(({index}) => index)),
    ignored: ignored?.text ?? null,
  }
}

/** In BDF order: those that have an IDE capability, and those of which it is not known. */
export const portAccounts = (machine: Machine, ignored: ReadonlyMap<string, Ignored>): readonly PortAccount[] =>
  machine.functions.flatMap(fn => {
    const {ide} = fn
    if (!ide.known) return [portOf(machine, fn, ide, undefined)]
    return ide.value === undefined ? [] : [portOf(machine, fn, known(ide.value), ignored.get(fn.bdf))]
  })
