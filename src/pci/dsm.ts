/**
 * Which function holds the DSM (device security manager, PCIe r6.2 §11) of a function, as Linux will find it: the rules
 * of `is_pci_tsm_pf0` and `find_dsm_dev` in drivers/pci/tsm.c, applied to topology alone.
 */
import {type Bdf, slotOf} from './bdf.js'
import {PORT_TYPE} from './express.js'
import {type Known, known, thenKnown} from '../known.js'

/** What the rules look at. A member may be a getter: only what decides is read. */
export interface DsmFunction {
  readonly bdf: Bdf
  /** Ports above, the root port first. */
  readonly ports: readonly Bdf[]
  /** Physical function of a VF; undefined for anything else. */
  readonly physfn: Known<Bdf | undefined>
  /** Undefined when the function is not PCI Express. */
  readonly portType: Known<number | undefined>
  readonly teeIo: Known<boolean>
  /** Linux takes its IDE capability: it has Selective streams, and so has the root port above an endpoint. */
  readonly ide: Known<boolean>
}

export interface DsmPrediction {
  /** Null: Linux will find none, the function never gets a TSM context. */
  readonly dsm: Bdf | null
  /** Completes "the DSM is X because". */
  readonly because: string
}

const HOLDERS: readonly (number | undefined)[] = [
  PORT_TYPE.endpoint,
  PORT_TYPE.upstreamPort,
  PORT_TYPE.rcIntegratedEndpoint,
]

/** Can Linux make the function a DSM by connecting it? */
function mayHoldDsm(fn: DsmFunction): Known<boolean> {
  if (slotOf(fn.bdf).fn !== 0) return known(false)
  return thenKnown(fn.physfn, physfn => {
    if (physfn !== undefined) return known(false)
    return thenKnown(fn.portType, type => {
      if (!HOLDERS.includes(type)) return known(false)
      return thenKnown(fn.teeIo, teeIo => (teeIo ? known(true) : fn.ide))
    })
  })
}

const mayServeSwitch = (port: DsmFunction): Known<boolean> =>
  thenKnown(port.portType, type => (type === PORT_TYPE.upstreamPort ? mayHoldDsm(port) : known(false)))

/**
 * Predicts the DSM of `fn`; `lookup` finds other functions, undefined when there is no such one. Anything but the
 * function itself holds the DSM only while it is connected. Unknown when a fact that decides is unknown.
 */
export function predictDsm(fn: DsmFunction, lookup: (bdf: Bdf) => DsmFunction | undefined): Known<DsmPrediction> {
  const {physfn} = fn
  if (!physfn.known) return physfn
  const {first} = slotOf(physfn.value ?? fn.bdf)
  const slot = physfn.value === undefined ? 'the slot' : `the slot of its physical function ${physfn.value}`
  // the port above and the one above that: one level of switch, and no further
  const upstream = fn.ports.at(-2)
  const rules: readonly {dsm: Bdf | undefined; holds: (dsm: DsmFunction) => Known<boolean>; because: string}[] = [
    {dsm: fn.bdf, holds: mayHoldDsm, because: 'it is function 0 and has TEE-IO or IDE'},
    {dsm: first, holds: mayHoldDsm, because: `it is function 0 of ${slot}`},
    {dsm: upstream, holds: mayServeSwitch, because: 'it is the upstream port of the switch right above'},
  ]
  for (const {dsm, holds, because} of rules) {
    const holder = dsm === fn.bdf ? fn : dsm === undefined ? undefined : lookup(dsm)
    const held = holder === undefined ? known(false) : holds(holder)
    if (!held.known) return held
    if (held.value) return known({dsm: holder!.bdf, because})
  }
  return known({dsm: null, because: 'neither it, nor function 0 of its slot, nor a switch right above can hold one'})
}
