/** The two generic-netlink families that give evidence, as their kernels describe them. */
import {ErrnoError} from '../errors.js'
import {DEVICE_EVIDENCE, type NetlinkFamily, PCI_TSM} from '../kernel/index.js'
import {traitsOf} from './abi.js'
import {takeFault} from './faults.js'
import type {Machine} from './machine.js'
import type {MachineStore} from './store.js'

/** Attribute types that both families have, whatever their numbers. */
type Shared = 'type' | 'typeMask' | 'flags' | 'deviceName' | 'nonce' | 'value'

export interface EvidenceFamily {
  readonly name: string
  readonly version: number
  readonly read: number
  /** Null where user space cannot tell what it has verified. */
  readonly validate: number | null
  readonly attribute: Readonly<Record<Shared, number>> &
    Partial<Readonly<Record<'subsystem' | 'generation' | 'length', number>>>
  /**
   * Longest request payloads by attribute type, in bytes, as the kernel tells them. It keeps the limit of the nonce to
   * itself: NLA_POLICY_MAX_LEN() is a rule that policy dumps leave out (Linux net/netlink/policy.c).
   */
  readonly policy: ReadonlyMap<number, number | null>
  readonly longestNonce: number
  /** What it says of a device that is there and not locked. */
  readonly unlocked: 'ENXIO' | 'ENODEV'
}

const WORD = 4

const G2: EvidenceFamily = {
  name: PCI_TSM.name,
  version: PCI_TSM.version,
  read: PCI_TSM.evidenceRead,
  validate: null,
  attribute: PCI_TSM.attribute,
  policy: new Map([
    [PCI_TSM.attribute.typeMask, WORD],
    [PCI_TSM.attribute.flags, WORD],
    [PCI_TSM.attribute.deviceName, null],
    [PCI_TSM.attribute.nonce, null],
  ]),
  longestNonce: 256,
  unlocked: 'ENXIO',
}

const {attribute} = DEVICE_EVIDENCE

const P2: EvidenceFamily = {
  name: DEVICE_EVIDENCE.name,
  version: DEVICE_EVIDENCE.version,
  read: DEVICE_EVIDENCE.read,
  validate: null,
  attribute,
  policy: new Map([
    [attribute.typeMask, WORD],
    [attribute.flags, WORD],
    [attribute.subsystem, null],
    [attribute.deviceName, null],
    [attribute.nonce, null],
  ]),
  longestNonce: DEVICE_EVIDENCE.longestNonce,
  unlocked: 'ENODEV',
}

const P2_VALIDATE: EvidenceFamily = {
  ...P2,
  validate: DEVICE_EVIDENCE.validate,
  policy: new Map([...P2.policy, [attribute.generation, WORD]]),
}

/** The family called `name` on `machine`. Throws ErrnoError ENOENT where there is none. */
export function evidenceFamily(name: string, {devsec, abi, validate}: Machine): EvidenceFamily {
  const {family} = traitsOf(abi)
  if (devsec === null || name !== family) throw new ErrnoError('ENOENT', 'ask', `the generic-netlink family ${name}`)
  if (family === 'pci-tsm') return G2
  return validate ? P2_VALIDATE : P2
}

/** What CTRL_CMD_GETFAMILY says. Throws ErrnoError ENOENT. */
export function describeFamily(name: string, store: MachineStore): NetlinkFamily {
  const {version, read, validate, policy} = evidenceFamily(name, store.machine)
  const fault = takeFault(store, null, 'evidence', one => one.do === 'family-version')
  return {
    name,
    version: fault === undefined ? version : version + 1,
    maxAttribute: Math.max(...policy.keys()),
    commands: new Set(validate === null ? [read] : [read, validate]),
    policy: new Map(policy),
  }
}
