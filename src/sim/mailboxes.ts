/** The DOE mailboxes of a simulated machine, behind the registers of its configuration spaces. Each process has its own. */
import {DOE_REGISTER, decodeConfigSpace, type DoeFeature, type DoeObject} from '../pci/index.js'
import {type DeviceMailboxOptions, deviceMailboxes} from './device-mailboxes.js'
import {type MailboxFault, SimMailbox} from './doe-mailbox.js'
import {fromBase64, type Machine, type MachineState, type SimFunction} from './machine.js'

/** What is behind a mailbox, and what it does wrong. */
export interface MailboxModel {
  /** Payload of the answer, or an object of another type; undefined discards the request in silence. */
  readonly answer?: (request: DoeObject) => Uint8Array | DoeObject | undefined
  readonly faults?: readonly MailboxFault[]
  /** What it takes; what the machine says unless given. */
  readonly features?: readonly DoeFeature[]
}

/** The model of mailbox `index`, from 0, of a function; without one it takes everything and answers nothing. */
export type MailboxModels = (device: string, index: number) => MailboxModel | undefined

export interface Mailboxes {
  /** Puts the registers as they are now into `bytes`, which are configuration space from `offset` on. */
  show(device: string, offset: number, bytes: Uint8Array): Uint8Array
  /** False when there is no mailbox register at `offset`. */
  write(device: string, offset: number, bytes: Uint8Array): boolean
  /**
   * `path` led to the configuration space of `device`. The dwords of an object go the same way without looking it up
   * again: whether the function is still there shows at the next look at its status.
   */
  remember(path: string, device: string): void
  /** The head of the read mailbox at `offset` of a remembered path; undefined for anything else. */
  readData(path: string, offset: number): Uint8Array | undefined
  /** Writes a data register of a remembered path; false for anything else. */
  writeData(path: string, offset: number, bytes: Uint8Array): boolean
  /** Functions that are gone come back with new mailboxes. */
  forgetAbsent(state: MachineState): void
}

interface Placed {
  readonly offset: number
  readonly box: SimMailbox
}

const DWORD = 4
const REGISTERS: readonly number[] = Object.values(DOE_REGISTER)
const DATA: readonly number[] = [DOE_REGISTER.write, DOE_REGISTER.read]

function dwordOf(word: number): Uint8Array {
  const bytes = new Uint8Array(DWORD)
  new DataView(bytes.buffer).setUint32(0, word, true)
  return bytes
}

const wordOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset, DWORD).getUint32(0, true)

function parseFeature(text: string): DoeFeature[] {
  const [vendor, type] = text.split(':').map(digits => Number.parseInt(digits, 16))
  return vendor === undefined || type === undefined ? [] : [{vendor, type}]
}

/** Protocols by mailbox; a guest's functions have one. */
const protocolsOf = ({host, doeFeatures}: SimFunction, index: number): DoeFeature[] =>
  (host === null ? doeFeatures : (host.mailboxes[index] ?? [])).flatMap(parseFeature)

export interface MailboxOptions extends DeviceMailboxOptions {
  readonly monotonic: () => bigint
  /** What the machine's own devices are unless given. */
  readonly models: MailboxModels | undefined
}

export function simMailboxes(machine: Machine, {monotonic, random, identities, models}: MailboxOptions): Mailboxes {
  const {functions} = machine
  const modelOf = models ?? deviceMailboxes(machine, {identities, random})
  const made = new Map<string, readonly Placed[]>()
  let last: {readonly path: string; readonly boxes: readonly Placed[]} | undefined

  function make(device: string): readonly Placed[] {
    const fn = functions.find(({bdf}) => bdf === device)
    if (fn === undefined) return []
    const {doe} = decodeConfigSpace(fromBase64(fn.config))
    if (!doe.known) return []
    return doe.value.map(({offset, version}, index) => {
      const {answer = () => undefined, faults = [], features} = modelOf(device, index) ?? {}
      const spec = {version, features: features ?? protocolsOf(fn, index), answer, faults, monotonic}
      return {offset, box: new SimMailbox(spec)}
    })
  }

  function boxesOf(device: string): readonly Placed[] {
    const known = made.get(device)
    if (known !== undefined) return known
    const boxes = make(device)
    made.set(device, boxes)
    return boxes
  }

  return {
    show(device, start, bytes) {
      // one that nobody wrote to reads as it was built: idle
      const boxes = models === undefined ? (made.get(device) ?? []) : boxesOf(device)
      if (boxes.length === 0) return bytes
      const end = start + bytes.length
      for (const {offset, box} of boxes)
        for (const register of REGISTERS) {
          const at = offset + register
          if (at + DWORD <= start || at >= end) continue
          const dword = dwordOf(box.read(register))
          for (let i = Math.max(at, start); i < Math.min(at + DWORD, end); i++) bytes[i - start] = dword[i - at]!
        }
      return bytes
    },
    write(device, offset, bytes) {
      const found = boxesOf(device).find(each => REGISTERS.includes(offset - each.offset))
      found?.box.write(offset - found.offset, wordOf(bytes))
      return found !== undefined
    },
    remember(path, device) {
      last = {path, boxes: boxesOf(device)}
    },
    readData(path, offset) {
      const found =
        last?.path === path ? last.boxes.find(each => offset === each.offset + DOE_REGISTER.read) : undefined
      return found && dwordOf(found.box.read(DOE_REGISTER.read))
    },
    writeData(path, offset, bytes) {
      const found = last?.path === path ? last.boxes.find(each => DATA.includes(offset - each.offset)) : undefined
      found?.box.write(offset - found.offset, wordOf(bytes))
      return found !== undefined
    },
    forgetAbsent(state) {
      last = undefined
      for (const device of made.keys()) if (state.functions[device]?.present !== true) made.delete(device)
    },
  }
}
