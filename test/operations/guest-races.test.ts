/** Who else is at the device while it is admitted, and when: every race in every window between the steps. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {admit, readAudit, readPolicy, showDevice} from '../../src/operations/index.js'
import {type Fault, injectFault, machineStatus} from '../../src/sim/index.js'
import {HOLD, readTdi, readTdiOrOrphan} from '../../src/tsm/index.js'
import {GOOD, guestCopy} from '../support/guest.js'

/** Between which of the kernel's calls something happens. */
const WINDOWS = {
  'before lock': {at: 'lock', when: 'before'},
  'lock..evidence': {at: 'lock', when: 'after'},
  'during evidence': {at: 'evidence', when: 'after'},
  'evidence..last look': {at: 'evidence', when: 'before', after: 2},
  'last look..accept': {at: 'accept', when: 'before'},
  'accept..bind': {at: 'accept', when: 'after'},
  'after bind': {at: 'probe', when: 'after'},
} as const satisfies Record<string, Partial<Fault>>

/** What the device is afterwards: given back, in RUN with its driver, gone, or as a rival has it. */
const LEFT = {
  back: {state: 'CONFIG_UNLOCKED', driver: 'acmegpu', driverOverride: null},
  runs: {state: 'RUN', driver: 'acmegpu', driverOverride: null},
  rivals: {state: 'CONFIG_LOCKED', driver: null, driverOverride: HOLD},
  'in use': {state: 'CONFIG_LOCKED', driver: 'acmegpu', driverOverride: HOLD},
  gone: null,
} as const

type Cell = readonly [outcome: string, said: RegExp, left: keyof typeof LEFT]

const GONE: Cell = ['not-found', /removed meanwhile, and with it every lock.*The device is gone$/, 'gone']
const NO_TSM: Cell = ['not-found', /tsm0 was unregistered meanwhile.*left CONFIG_UNLOCKED, driver acmegpu/, 'back']
const FINE: Cell = ['admitted', /^$/, 'runs']
const CHANGED: Cell = ['busy', /changed since the review/, 'back']

/** Window by window; what is fine is so because the evidence is of the lock that is accepted. */
const RACES: Readonly<Record<string, Readonly<Record<keyof typeof WINDOWS, Cell>>>> = {
  vanish: {
    'before lock': GONE,
    'lock..evidence': GONE,
    'during evidence': GONE,
    'evidence..last look': GONE,
    'last look..accept': GONE,
    'accept..bind': GONE,
    'after bind': GONE,
  },
  'tsm-gone': {
    'before lock': NO_TSM,
    'lock..evidence': NO_TSM,
    'during evidence': NO_TSM,
    'evidence..last look': NO_TSM,
    'last look..accept': NO_TSM,
    'accept..bind': NO_TSM,
    'after bind': NO_TSM,
  },
  reset: {
    'before lock': FINE,
    'lock..evidence': ['denied', /objects missing: report/, 'back'],
    'during evidence': ['denied', /no digest of report/, 'back'],
    'evidence..last look': CHANGED,
    'last look..accept': [
      'transition',
      /the TSM failed \(EIO.*undone: unlocked again\. The device was left CONF/,
      'back',
    ],
    'accept..bind': CHANGED,
    // the kernel does not tell, now or later: its driver finds out
    'after bind': FINE,
  },
  relock: {
    'before lock': ['transition', /somebody else locked it in between.*NOT undone: driver_override/, 'rivals'],
    'lock..evidence': FINE,
    'during evidence': ['denied', /differ from what the TSM saw/, 'back'],
    'evidence..last look': CHANGED,
    'last look..accept': CHANGED,
    'accept..bind': ['transition', /the device does not run.*undone: unlocked again/, 'back'],
    'after bind': ['transition', /somebody else locked it.*no driver may use it.*driver acmegpu unbound again/, 'back'],
  },
  'bind-driver': {
    'before lock': ['busy', /driver acmegpu was bound to it in between/, 'back'],
    'lock..evidence': [
      'transition',
      /driver acmegpu was bound.*NOT undone: unlocked again.*left CONFIG_LOCKED/,
      'in use',
    ],
    'during evidence': ['denied', /driver "acmegpu" is bound/, 'back'],
    'evidence..last look': ['busy', /driver acmegpu was bound.*nothing was written/, 'back'],
    'last look..accept': ['transition', /driver acmegpu was bound.*EBUSY/, 'back'],
    'accept..bind': FINE,
    'after bind': FINE,
  },
}

describe.each(Object.entries(RACES))('%s while a device is admitted', (race, cells) => {
  it.each(Object.entries(cells))('%s', async (window, [outcome, said, left]) => {
    const {kernel, directory, policy: file} = await guestCopy()
    const policy = readPolicy([file], kernel.now())
    const where = WINDOWS[window as keyof typeof WINDOWS]
    await injectFault(directory, {device: GOOD, do: race, ...where} as Fault)
    const told = await admit(kernel, GOOD, {policy}).then(
      ({failure}) => failure,
      (thrown: unknown) => thrown as TsmctlError,
    )
    expect([told?.kind ?? 'admitted', told?.message ?? '']).toEqual([outcome, expect.stringMatching(said) as string])
    // said once, however many steps back there were
    expect(told?.message.match(/The device (?:was left|is gone)/g)?.length ?? 0).toBeLessThanOrEqual(1)
    const committed = readAudit(kernel).records.filter(({event}) => event === 'committed')
    if (left === 'runs') expect(committed).toHaveLength(1)
    expect(machineStatus(directory).violations.every(({kind}) => kind === 'bound-while-locked')).toBe(true)
    if (left === 'gone') {
      await expect(readTdi(kernel, GOOD)).rejects.toMatchObject({kind: 'not-found'})
      expect(kernel.state.read(`held-${GOOD}.json`)).toBeUndefined()
      return
    }
    expect(await readTdiOrOrphan(kernel, GOOD)).toMatchObject(LEFT[left])
    const held = (await showDevice(kernel, GOOD)).view.held?.text ?? null
    if (left === 'rivals') expect(held).toMatch(/interrupted while locking it.*acmegpu unbound; .*--rebind/)
    else if (left === 'in use') expect(held).toMatch(/driver acmegpu bound; tsmctl unlock \S+ --force --rebind/)
    else expect(held).toBeNull()
  })
})
