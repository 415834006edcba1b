/** Evidence over generic netlink: dumps, and what user space says it has verified (staging tree drivers/base/evidence.c). */
import {ErrnoError} from '../errors.js'
import {DEVICE_EVIDENCE, type EvidenceLabel, type NetlinkRequest} from '../kernel/index.js'
import {sha384} from './digest.js'
import {type EvidenceFamily, evidenceFamily} from './evidence-families.js'
import {type Objects, messages} from './evidence-messages.js'
import {type Query, readQuery, readRequest, type RefuseRequest, refuseFor, type Request} from './evidence-request.js'
import {refreshed} from './evidence-state.js'
import {type Fault, isWorldFault, momentOf, takeFault} from './faults.js'
import {happen} from './host/events.js'
import {fromBase64, type FunctionState, type MachineState, type SimFunction, toBase64} from './machine.js'
import {anotherLocks} from './report.js'
import {takeMeasurements} from './responder.js'
import type {MachineStore} from './store.js'
import type {WriteContext} from './writes.js'

export interface DumpContext extends WriteContext {
  readonly privileged: boolean
}

const NONCE = 32

/** What the TSM holds. In ERROR the DSM no longer gives a report (PCIe r7.0 §11.3.10). */
function heldObjects({dsm}: SimFunction, {tdi}: FunctionState): Objects {
  return new Map<EvidenceLabel, Uint8Array>([
    ['cert0', fromBase64(dsm!.chain)],
    ['vca', fromBase64(dsm!.vca)],
    ['measurements', fromBase64(tdi.measurements!)],
    ...(tdi.state === 'ERROR' ? [] : [['report', fromBase64(tdi.report!)] as const]),
  ])
}

/** Faults of a dump strike where they can be seen: altered objects only when that object is sent. */
const concerns =
  ({labels, digests}: Query) =>
  ({do: what, object}: Fault): boolean => {
    if (what === 'family-version') return false
    const altersOne = what === 'replay' ? (object ?? 'measurements') : object
    return altersOne === undefined || (!digests && labels.has(altersOne))
  }

/** Objects with one of another time, or of another function, among them. */
function substituted(held: Objects, fault: Fault | undefined, fn: SimFunction, {store, random}: DumpContext): Objects {
  if (fault?.do !== 'replay' && fault?.do !== 'swap') return held
  const {object: label = 'measurements'} = fault
  const old = held.get(label)
  if (old === undefined) return held
  const other = store.machine.functions.find(({bdf}) => bdf === (fault.with ?? fn.bdf))!
  const record = store.state().functions[other.bdf]!
  // a device answers whoever asks, whether it is locked or not
  const anotherDay = (): string => toBase64(takeMeasurements(other.dsm!, random(NONCE), random))
  if (fault.do === 'swap') {
    const {measurements, report} = record.tdi
    const tdi = {
      ...record.tdi,
      measurements: measurements ?? anotherDay(),
      report: report ?? other.dsm!.report,
    }
    return new Map([...held, [label, heldObjects(other, {...record, tdi}).get(label) ?? old]])
  }
  if (label === 'report') return new Map([...held, [label, anotherLocks(old)]])
  const previous = fault.object === undefined ? record.tdi.previous : null
  return new Map([...held, [label, fromBase64(previous ?? anotherDay())]])
}

/** The function named in the request. */
function deviceOf(
  request: Request,
  {attribute, unlocked}: EvidenceFamily,
  {machine, state}: MachineStore,
  refuse: RefuseRequest,
): SimFunction {
  const subsystem =
    attribute.subsystem === undefined
      ? DEVICE_EVIDENCE.subsystem
      : request.text(attribute.subsystem, 'name of the subsystem')
  const name = request.text(attribute.deviceName, 'name of the device')
  if (subsystem !== DEVICE_EVIDENCE.subsystem)
    throw refuse('EOPNOTSUPP', `the subsystem ${subsystem} gives no evidence`)
  const fn = machine.functions.find(({bdf}) => bdf === name)
  const isThere = fn !== undefined && state().functions[fn.bdf]!.present
  // the later family finds only what has evidence
  if (!isThere || (unlocked === 'ENODEV' && !hasEvidence(fn, state())))
    throw refuse('ENODEV', `there is no evidence of ${name}`)
  return fn
}

const hasEvidence = ({bdf, dsm}: SimFunction, {functions}: MachineState): boolean =>
  dsm !== null && functions[bdf]!.tdi.lockedBy !== null

/** Whatever was found may be gone by the time it is read. */
function checkEvidence(fn: SimFunction, {store}: DumpContext, refuse: RefuseRequest): void {
  if (!hasEvidence(fn, store.state())) throw refuse('ENXIO', `there is no evidence of ${fn.bdf}`)
}

/** What the TSM knows of the locked TDI, after new measurements if there is a nonce that the provider takes. */
function current(
  fn: SimFunction,
  {nonce, labels}: Query,
  family: EvidenceFamily,
  context: DumpContext,
  refuse: RefuseRequest,
): FunctionState {
  const {store, random} = context
  const record = store.state().functions[fn.bdf]!
  if (nonce === undefined || store.machine.nonce === 'ignored') return record
  if (store.machine.nonce === 'refused') throw refuse('EOPNOTSUPP', 'evidence cannot be refreshed')
  // a kernel that counts generations refreshes whatever is asked for
  if (family.attribute.generation === undefined && !labels.has('measurements')) return record
  if (store.state().world.refuses) throw refuse('EIO', 'evidence cannot be refreshed')
  // in one step: nobody else's nonce may come between taking and serving
  return store.update(state => {
    const fresh = state.functions[fn.bdf]!
    if (fresh.tdi.lockedBy === null) throw refuse('ENXIO')
    refreshed(fresh.tdi, fn.dsm!, nonce, random)
    return fresh
  })
}

/** Words for a terminal that believes what it is sent. */
const HOSTILE = '\x1b[2J\x1b]0;owned\x07OK: accepted\r\nverified\0\u202e"; rm -rf / #'.repeat(40)

/** NLM_F_DUMP_INTR at the end of a dump, as the port tells it. */
const inconsistent = (family: string): ErrnoError =>
  new ErrnoError('EINTR', 'ask', `the generic-netlink family ${family}`, {
    kind: 'busy',
    got: 'EINTR (what was listed changed meanwhile)',
    hint: 'try again',
  })

async function strikeBefore(
  fault: Fault,
  family: string,
  {store, pause}: DumpContext,
  refuse: RefuseRequest,
): Promise<void> {
  if (fault.do === 'errno') throw refuse(fault.errno!)
  if (fault.do === 'hostile-text') throw refuse(fault.errno!, HOSTILE)
  if (fault.do === 'interrupted') throw inconsistent(family)
  if (fault.do === 'delay') await pause(fault.ms ?? 0)
  if (!isWorldFault(fault) || momentOf(fault) !== 'before') return
  happen(store, fault)
  if (fault.do === 'vanish') throw refuse('ENODEV')
}

function strikeAfter(fault: Fault | undefined, {store}: DumpContext): void {
  if (fault !== undefined && isWorldFault(fault) && momentOf(fault) === 'after') happen(store, fault)
}

/** Checks before any attribute is looked at. */
function familyFor({family: name}: NetlinkRequest, {store, privileged}: DumpContext, refuse: RefuseRequest) {
  const family = evidenceFamily(name, store.machine)
  return {
    family,
    check(serves: boolean): void {
      if (!serves) throw refuse('EOPNOTSUPP')
      if (!privileged) throw refuse('EPERM')
    },
  }
}

/** The dump's messages, generic-netlink headers stripped. Throws ErrnoError as the kernel would. */
export async function dumpEvidence(asked: NetlinkRequest, context: DumpContext): Promise<readonly Uint8Array[]> {
  const {store, random} = context
  const refuse = refuseFor(asked.family)
  const {family, check} = familyFor(asked, context, refuse)
  check(asked.command === family.read)
  const request = readRequest(asked.attributes, family, refuse)
  const fn = deviceOf(request, family, store, refuse)
  const query = readQuery(request, family, refuse)
  const fault = takeFault(store, fn.bdf, 'evidence', concerns(query))
  if (fault !== undefined) await strikeBefore(fault, asked.family, context, refuse)
  checkEvidence(fn, context, refuse)
  const record = current(fn, query, family, context, refuse)
  if (fault !== undefined && isWorldFault(fault) && momentOf(fault) === 'during') {
    happen(store, fault)
    throw refuse('EAGAIN', 'the evidence changed during the dump')
  }
  const held = heldObjects(fn, record)
  const objects = query.digests
    ? new Map([...held].map(([label, bytes]) => [label, sha384(bytes)]))
    : substituted(held, fault, fn, context)
  const {generation} = record.tdi
  const out = messages({family, labels: query.labels, objects, generation, fault, random})
  strikeAfter(fault, context)
  return out
}

/** One request that is no dump: only `validate`. Throws ErrnoError as the kernel would. */
export async function doEvidence(asked: NetlinkRequest, context: DumpContext): Promise<readonly Uint8Array[]> {
  const {store} = context
  const refuse = refuseFor(asked.family)
  const {family, check} = familyFor(asked, context, refuse)
  check(asked.command === family.validate)
  const request = readRequest(asked.attributes, family, refuse)
  const fn = deviceOf(request, family, store, refuse)
  const generation = request.word(family.attribute.generation)
  if (generation === undefined) throw refuse('EINVAL', 'the generation is missing')
  const fault = takeFault(store, fn.bdf, 'validate')
  if (fault !== undefined) await strikeBefore(fault, asked.family, context, refuse)
  checkEvidence(fn, context, refuse)
  store.update(state => {
    const {tdi} = state.functions[fn.bdf]!
    if (tdi.lockedBy === null) throw refuse('ENXIO')
    if (tdi.generation !== generation) throw refuse('ESTALE', 'the evidence is of another generation')
    if (fault?.do !== 'stuck') tdi.validated = generation
  })
  strikeAfter(fault, context)
  return []
}
