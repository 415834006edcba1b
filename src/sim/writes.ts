/** What writing an attribute does (Linux drivers/base/bus.c, drivers/pci/pci-sysfs.c, and the guest series G2). */
import {ErrnoError} from '../errors.js'
import {attributeText} from '../kernel/index.js'
import {traitsOf} from './abi.js'
import {addFunctions, bindDriver, canProbe, probeDriver, removeFunction, unbindDriver} from './drivers.js'
import {type Fault, type FaultPoint, isWorldFault, momentOf, takeFault} from './faults.js'
import {happen} from './host/events.js'
import {isHostAction, writeHost} from './host/writes.js'
import type {Machine, MachineState, SimFunction} from './machine.js'
import type {Action} from './nodes.js'
import type {MachineStore} from './store.js'
import {disturb, ensureSession, interposerOf} from './tsm/index.js'
import {kernelBoolean, type Refuse, TSM_VERBS, type TsmVerb, type Verbs} from './tsm-verbs.js'

export interface WriteContext {
  readonly store: MachineStore
  readonly random: (length: number) => Uint8Array
  /** Waits, or throws ErrnoError EINTR when the writer is interrupted meanwhile. */
  readonly pause: (milliseconds: number) => Promise<void>
}

const PAGE = 4096
const DECIMAL = /^(?:0x[0-9a-f]+|\d+)$/i

function numberOf(text: string, refuse: Refuse): number {
  if (!DECIMAL.test(text)) throw refuse('EINVAL')
  return Number(text)
}

function booleanOf(text: string, refuse: Refuse): boolean {
  const value = kernelBoolean(text)
  if (value === undefined) throw refuse('EINVAL')
  return value
}

/** The function called `name`, if it is there. */
function functionNamed({machine}: MachineStore, state: MachineState, name: string, refuse: Refuse): SimFunction {
  const fn = machine.functions.find(({bdf}) => bdf === name)
  if (fn === undefined || !state.functions[fn.bdf]!.present) throw refuse('ENODEV')
  return fn
}

const functionOf = ({machine}: MachineStore, device: string): SimFunction =>
  machine.functions.find(({bdf}) => bdf === device)!

/** Misfortune that comes before a write: somebody else was faster, or the device is slow or gone. */
async function strikeBefore(fault: Fault, {store, random, pause}: WriteContext, refuse: Refuse): Promise<void> {
  if (fault.do === 'delay') await pause(fault.ms ?? 0)
  if (!isWorldFault(fault) || momentOf(fault) !== 'before') return
  if (fault.do === 'relock') await ensureSession(store, functionOf(store, fault.device), random)
  happen(store, fault)
  if (fault.do === 'vanish') throw refuse('ENODEV')
}

/**
 * Does what `checked` returns when it has made the kernel's checks, amid whatever was scripted to happen to it; `prepare`
 * is done before, outside the change of the state.
 */
async function amid(
  fault: Fault | undefined,
  context: WriteContext,
  refuse: Refuse,
  checked: (state: MachineState) => () => string | undefined,
  prepare?: () => Promise<void>,
): Promise<void> {
  const {store} = context
  if (fault !== undefined) await strikeBefore(fault, context, refuse)
  if (prepare !== undefined && fault?.do !== 'errno' && fault?.do !== 'stuck') {
    // what is refused has no effect on anybody
    checked(store.state())
    await prepare()
  }
  const failed = store.update(state => {
    const act = checked(state)
    if (fault?.do === 'errno') throw refuse(fault.errno!)
    // what a TSM and a device have done until they failed, they have done
    return fault?.do === 'stuck' ? undefined : act()
  })
  if (failed !== undefined) throw refuse(failed)
  if (fault?.do === 'errno-after') throw refuse(fault.errno!)
  if (fault !== undefined && isWorldFault(fault) && momentOf(fault) === 'after') happen(store, fault)
}

async function writeTsm(verb: TsmVerb, device: string, text: string, context: WriteContext, refuse: Refuse) {
  const {store, random} = context
  const {machine} = store
  const fn = functionOf(store, device)
  const fault = takeFault(store, device, verb)
  const interposed = interposerOf(fault, verb)
  const verbs: Verbs = {machine, random, refuse, traits: traitsOf(machine.abi), interposed}
  const checked = (state: MachineState): (() => string | undefined) => {
    if (!state.functions[device]!.present) throw refuse('ENODEV')
    return TSM_VERBS[verb](state, fn, text, verbs)
  }
  const prepare = (): Promise<void> => ensureSession(store, fn, random)
  await amid(fault, context, refuse, checked, verb === 'lock' ? prepare : undefined)
}

/** `driver_override`: the name up to the first newline; nothing before it clears. */
function override(text: string, refuse: Refuse): string | null {
  if (text.length >= PAGE - 1) throw refuse('EINVAL')
  const [name] = text.split('\n')
  return name === '' ? null : name!
}

function writeEnable(machine: Machine, state: MachineState, device: string, text: string, refuse: Refuse): void {
  const record = state.functions[device]!
  const value = numberOf(text, refuse)
  if (record.driver !== null) throw refuse('EBUSY')
  if (value > 0) record.enabled += 1
  else if (record.enabled === 0) throw refuse('EIO')
  else if (--record.enabled === 0) {
    const fn = machine.functions.find(({bdf}) => bdf === device)!
    disturb(machine, state, fn, 'bus master or memory space disabled')
  }
}

type Change = (state: MachineState) => void
/** What a guest knows. */
type GuestAction = Exclude<Action, {verb: TsmVerb} | {verb: 'connect' | 'disconnect'} | {verb: 'power_control'}>

function changeOf(action: GuestAction, text: string, store: MachineStore, refuse: Refuse): Change {
  const {machine} = store
  const line = text.replace(/\n$/, '')
  switch (action.verb) {
    case 'driver_override':
      return state => void (state.functions[action.device]!.override = override(text, refuse))
    case 'enable':
      return state => writeEnable(machine, state, action.device, line, refuse)
    case 'reset':
      return state => {
        if (numberOf(line, refuse) !== 1) throw refuse('EINVAL')
        const fn = machine.functions.find(({bdf}) => bdf === action.device)!
        disturb(machine, state, fn, 'function level reset')
      }
    case 'remove':
      return state => {
        if (numberOf(line, refuse) !== 0) removeFunction(machine, state, action.device)
      }
    case 'sriov_numvfs':
      return () => {
        const {totalVfs} = machine.functions.find(({bdf}) => bdf === action.device)!
        const wanted = numberOf(line, refuse)
        if (wanted > totalVfs) throw refuse('ERANGE')
        // no simulated driver can make virtual functions
        if (wanted > 0) throw refuse('ENOENT')
      }
    case 'bind':
      return state => {
        const fn = functionNamed(store, state, line, refuse)
        const record = state.functions[fn.bdf]!
        if (action.driver !== (record.override ?? fn.driver)) throw refuse('ENODEV')
        if (record.driver !== null) throw refuse('EBUSY')
        if (!canProbe(state, fn)) throw refuse('ENODEV')
        bindDriver(state, fn, action.driver)
      }
    case 'unbind':
      return state => {
        const fn = functionNamed(store, state, line, refuse)
        if (state.functions[fn.bdf]!.driver !== action.driver) throw refuse('ENODEV')
        unbindDriver(state, fn)
      }
    case 'drivers_probe':
      // success says nothing: the driver link tells whether anything was bound
      return state => probeDriver(machine, state, functionNamed(store, state, line, refuse))
    case 'drivers_autoprobe':
      return state => void (state.autoprobe = numberOf(line, refuse) !== 0)
    case 'rescan':
      return state => {
        if (numberOf(line, refuse) !== 0) addFunctions(machine, state)
      }
    case 'switch':
      return state => {
        const record = state.functions[action.device]!
        record.switches = {...record.switches, [action.name]: booleanOf(text, refuse)}
      }
    case 'locked-down':
      return () => {
        throw refuse('EPERM')
      }
  }
}

/** Where faults of a write strike: driver binding alone. */
const POINTS_OF: Partial<Record<GuestAction['verb'], FaultPoint>> = {
  bind: 'bind',
  unbind: 'unbind',
  drivers_probe: 'probe',
  driver_override: 'override',
}

async function writeGuest(action: GuestAction, text: string, context: WriteContext, refuse: Refuse): Promise<void> {
  const {store} = context
  const point = POINTS_OF[action.verb]
  const device = 'device' in action ? action.device : text.replace(/\n$/, '')
  const fault = point === undefined ? undefined : takeFault(store, device, point)
  const change = changeOf(action, text, store, refuse)
  if (fault === undefined) return void store.update(change)
  await amid(fault, context, refuse, state => {
    // what is refused afterwards leaves the state as it was
    if (fault.do !== 'stuck') change(state)
    return () => undefined
  })
}

const isTsmVerb = (action: Action): action is Extract<Action, {verb: TsmVerb}> => action.verb in TSM_VERBS

const isGuestAction = (action: Action): action is GuestAction =>
  !['connect', 'disconnect', 'power_control'].includes(action.verb)

/** Carries out one write of `bytes` to `path`. Throws ErrnoError as the kernel would. */
export async function carryOut(action: Action, path: string, bytes: Uint8Array, context: WriteContext): Promise<void> {
  const refuse: Refuse = errno => new ErrnoError(errno, 'write', path)
  const taken = bytes.subarray(0, PAGE)
  // the kernel's strings end at the first NUL
  const text = `${attributeText(taken)}${taken.at(-1) === 0x0a ? '\n' : ''}`.replace(/\0.*$/s, '')
  if (context.store.machine.host !== null && isHostAction(action)) await writeHost(action, text, context, refuse)
  else if (isTsmVerb(action)) await writeTsm(action.verb, action.device, text, context, refuse)
  else if (isGuestAction(action)) await writeGuest(action, text, context, refuse)
  if (taken.length < bytes.length)
    throw new ErrnoError('EIO', 'write', path, {got: `only ${taken.length} of ${bytes.length} bytes were taken`})
}
