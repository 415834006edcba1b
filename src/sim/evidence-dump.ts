/** Generic-netlink family `pci-tsm`: dumps of evidence in fragments, refused in the kernel's order. */
import {DecodeError, get, mask} from '../bits/index.js'
import {ErrnoError} from '../errors.js'
import {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  type NetlinkFamily,
  type NetlinkRequest,
  PCI_TSM,
  stringOf,
  u32Attribute,
  u32Of,
} from '../kernel/index.js'
import {bindDriver, removeFunction} from './drivers.js'
import {type Fault, flipped, takeFault} from './faults.js'
import {fromBase64, type FunctionState, type Machine, type SimFunction, toBase64} from './machine.js'
import {sha384} from './digest.js'
import {takeMeasurements} from './responder.js'
import {relock} from './tsm-verbs.js'
import type {WriteContext} from './writes.js'

export interface DumpContext extends WriteContext {
  readonly privileged: boolean
}

const {attribute} = PCI_TSM
const LONGEST_NAME = 32
const LONGEST_NONCE = 256
/** Small enough that certificates and reports come in several messages, as they do when a socket buffer is full. */
const CHUNK = 1024

interface Request {
  readonly labels: ReadonlySet<EvidenceLabel>
  readonly digests: boolean
  readonly device: string
  readonly nonce: Uint8Array | undefined
}

type Refuse = (errno: string) => ErrnoError

function parseRequest({attributes}: NetlinkRequest, refuse: Refuse): Request {
  let list: Attribute[]
  let types: number
  let flags: number
  const valueOf = (type: number): Attribute | undefined => list.find(item => item.type === type)
  const needed = (type: number): Attribute => {
    const found = valueOf(type)
    if (found === undefined) throw refuse('EINVAL')
    return found
  }
  try {
    list = decodeAttributes(attributes)
    types = u32Of(needed(attribute.typeMask))
    flags = u32Of(needed(attribute.flags))
  } catch (error) {
    throw error instanceof DecodeError ? refuse('EINVAL') : error
  }
  const device = stringOf(needed(attribute.deviceName))
  const nonce = valueOf(attribute.nonce)?.value
  if (types === 0 || types > PCI_TSM.allTypes) throw refuse('EINVAL')
  if (flags > PCI_TSM.digestFlag) throw refuse('EINVAL')
  if (device.length > LONGEST_NAME || (nonce?.length ?? 0) > LONGEST_NONCE) throw refuse('EINVAL')
  return {
    labels: new Set(EVIDENCE_TYPES.filter((_, type) => get(mask(type, type), types) === 1)),
    digests: flags === PCI_TSM.digestFlag,
    device,
    nonce,
  }
}

type Objects = ReadonlyMap<EvidenceLabel, Uint8Array>

/** What the TSM holds. In ERROR the DSM no longer gives a report (PCIe r7.0 §11.3.10). */
function heldObjects({dsm}: SimFunction, {tdi}: FunctionState): Objects {
  return new Map<EvidenceLabel, Uint8Array>([
    ['cert0', fromBase64(dsm!.chain)],
    ['vca', fromBase64(dsm!.vca)],
    ['measurements', fromBase64(tdi.measurements!)],
    ...(tdi.state === 'ERROR' ? [] : [['report', fromBase64(dsm!.report)] as const]),
  ])
}

/** The first message of an object carries its type; what does not fit follows in messages with bytes only. */
function* messagesOf(type: number, value: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at === 0 || at < value.length; at += CHUNK)
    yield encodeAttributes([
      ...(at === 0 ? [u32Attribute(attribute.type, type)] : []),
      {type: attribute.value, value: value.subarray(at, at + CHUNK)},
    ])
}

const alters = ({do: what}: Fault): boolean => what === 'flip-bit' || what === 'replay'

/** What reaches the reader when the host has its hand in it. */
function tampered(held: Objects, fault: Fault | undefined, {tdi}: FunctionState): Objects {
  if (fault === undefined || !alters(fault)) return held
  const out = new Map(held)
  if (fault.do === 'replay') out.set('measurements', fromBase64(tdi.previous ?? tdi.measurements!))
  else if (out.has(fault.object!)) out.set(fault.object!, flipped(out.get(fault.object!)!, fault.offset))
  return out
}

/** Faults of a dump strike where they can be seen: altered objects only when that object is sent. */
const concerns =
  ({labels, digests}: Request) =>
  (fault: Fault): boolean =>
    !alters(fault) || (!digests && labels.has(fault.do === 'replay' ? 'measurements' : fault.object!))

/** What the TSM knows of the locked TDI, after new measurements if there is a nonce that the provider takes. */
function current(fn: SimFunction, {nonce, labels}: Request, context: DumpContext, refuse: Refuse): FunctionState {
  const {store, random} = context
  const record = store.state().functions[fn.bdf]!
  if (fn.dsm === null || record.tdi.lockedBy === null) throw refuse('ENXIO')
  if (nonce === undefined || store.machine.nonce === 'ignored') return record
  if (store.machine.nonce === 'refused') throw refuse('EOPNOTSUPP')
  if (!labels.has('measurements')) return record
  // in one step: nobody else's nonce may come between taking and serving
  return store.update(state => {
    const fresh = state.functions[fn.bdf]!
    const {tdi} = fresh
    if (tdi.lockedBy === null) throw refuse('ENXIO')
    tdi.previous = tdi.measurements
    tdi.measurements = toBase64(takeMeasurements(fn.dsm!, nonce, random))
    tdi.reports += 1
    return fresh
  })
}

async function strikeBefore(fault: Fault, device: string, {store, pause}: DumpContext, refuse: Refuse): Promise<void> {
  if (fault.do === 'errno') throw refuse(fault.errno!)
  if (fault.do === 'delay') await pause(fault.ms ?? 0)
  if (fault.do === 'vanish') {
    store.update(state => removeFunction(state, device))
    throw refuse('ENODEV')
  }
}

function strikeAfter(fault: Fault, fn: SimFunction, {store, random}: DumpContext): void {
  if (fault.do === 'relock') store.update(state => relock(state, fn, random))
  if (fault.do === 'bind-driver') store.update(state => bindDriver(state, fn, fn.driver ?? 'vfio-pci'))
}

/** Family `pci-tsm` as the kernel describes it. Throws ErrnoError ENOENT for any other, and where there is none. */
export function pciTsmFamily(name: string, {tsm}: Machine): NetlinkFamily {
  if (tsm !== 'devsec' || name !== PCI_TSM.name)
    throw new ErrnoError('ENOENT', 'ask', `the generic-netlink family ${name}`)
  return {name, version: PCI_TSM.version, maxAttribute: attribute.value, commands: new Set([PCI_TSM.evidenceRead])}
}

/** The dump's messages, generic-netlink headers stripped. Throws ErrnoError as the kernel would. */
export async function dumpEvidence(request: NetlinkRequest, context: DumpContext): Promise<readonly Uint8Array[]> {
  const {store, privileged} = context
  const {machine} = store
  const refuse: Refuse = errno => new ErrnoError(errno, 'ask', `the generic-netlink family ${request.family}`)
  if (machine.tsm !== 'devsec' || request.family !== PCI_TSM.name) throw refuse('ENOENT')
  if (request.command !== PCI_TSM.evidenceRead) throw refuse('EOPNOTSUPP')
  if (!privileged) throw refuse('EPERM')
  const wanted = parseRequest(request, refuse)
  const fn = machine.functions.find(({bdf}) => bdf === wanted.device)
  if (fn === undefined || !store.state().functions[fn.bdf]!.present) throw refuse('ENODEV')
  const fault = takeFault(store, fn.bdf, 'evidence', concerns(wanted))
  if (fault !== undefined) await strikeBefore(fault, fn.bdf, context, refuse)
  const record = current(fn, wanted, context, refuse)
  const held = heldObjects(fn, record)
  const sent = wanted.digests
    ? new Map([...held].map(([label, bytes]) => [label, sha384(bytes)]))
    : tampered(held, fault, record)
  const messages = [...EVIDENCE_TYPES.entries()]
    .filter(([, label]) => wanted.labels.has(label))
    .flatMap(([type, label]) => [...messagesOf(type, sent.get(label) ?? new Uint8Array())])
  if (fault !== undefined) strikeAfter(fault, fn, context)
  return messages
}
