/** Preflight, second half: is there room for one more IDE stream between the device and its root port? */
import {type BridgeAccount, IDLE_STREAM_ID, isIdTaken, nextSlot, type PortAccount} from '../ide/index.js'
import {printable} from '../errors.js'
import {type Known, known, mapKnown, thenKnown, unknown, valueOf} from '../known.js'
import type {Check, ConnectFacts, Finding} from './preflight.js'
import {fails, failsWithStreams, pass, portTypeOf, unknownBecause} from './preflight-device.js'
import {PORT_TYPE} from '../pci/index.js'

const NO_IDE = 'A stream needs Selective IDE in the device and in its root port; firmware may have to enable it.'

/** The entry in the account; undefined for a function without IDE. */
const portOf = ({account}: ConnectFacts, name: string | undefined): PortAccount | undefined =>
  account.ports.find(({bdf}) => bdf === name)

const endpointOf = (facts: ConnectFacts): Known<PortAccount | undefined> => known(portOf(facts, facts.device.bdf))

const rootPortNameOf = ({device}: ConnectFacts): Known<string | undefined> =>
  mapKnown(device.place, ({ports}) => ports[0])

const rootPortOf = (facts: ConnectFacts): Known<PortAccount | undefined> =>
  mapKnown(rootPortNameOf(facts), name => portOf(facts, name))

const bridgeOf = ({account, device}: ConnectFacts): Known<BridgeAccount> =>
  thenKnown(device.place, ({hostBridge}) => {
    const found = account.bridges.find(({name}) => name === hostBridge)
    return found === undefined ? unknown('its host bridge is not known') : known(found)
  })

/**
 * A refusal for want of room, where both ends have IDE. Whatever provides the TSM: that it made streams for others shows
 * that it will want one here.
 */
function failsForRoom(facts: ConnectFacts, reason: string, remedy: string): Finding {
  const {tsms, account} = facts
  const hasMadeStreams = tsms.length === 1 && account.streams.some(({name}) => name !== null)
  return hasMadeStreams ? fails(reason, remedy) : failsWithStreams(facts, reason, remedy)
}

interface Missing {
  readonly reason: string
  readonly remedy: string
}

/** Does Linux see Selective IDE there? What is missing when not. */
function selective(port: PortAccount | undefined, who: string): Known<Missing | null> {
  if (port === undefined) return known({reason: `${who} has no IDE capability`, remedy: NO_IDE})
  if (port.ignored !== null)
    return known({
      reason: `Linux makes no use of the IDE of ${who}: ${port.ignored}`,
      remedy: `tsmctl ide show ${port.bdf} says what to do about it.`,
    })
  return mapKnown(port.ide, ({promised}) =>
    promised.selective === 0 ? {reason: `${who} has no Selective IDE`, remedy: NO_IDE} : null,
  )
}

function looksForIde(facts: ConnectFacts, port: Known<PortAccount | undefined>, who: string): Finding {
  const missing = thenKnown(port, found => selective(found, who))
  if (!missing.known) return unknownBecause(missing.reason, 'Run as root: IDE registers lie in extended space.')
  return missing.value === null
    ? pass(`${who} has Selective IDE`)
    : failsWithStreams(facts, missing.value.reason, missing.value.remedy)
}

const deviceIde = (facts: ConnectFacts): Finding => looksForIde(facts, endpointOf(facts), facts.device.bdf)

function rootPortIde(facts: ConnectFacts): Finding {
  const name = rootPortNameOf(facts)
  if (!name.known) return unknownBecause(name.reason)
  if (name.value === undefined) return failsWithStreams(facts, 'there is no root port above it', NO_IDE)
  return looksForIde(facts, rootPortOf(facts), `root port ${name.value}`)
}

/** Where one end certainly cannot do it, there is no stream to find room for. */
const isHopeless = (facts: ConnectFacts): boolean => {
  const type = portTypeOf(facts.device)
  const isOther = type.known && type.value !== PORT_TYPE.endpoint
  return isOther || [deviceIde(facts), rootPortIde(facts)].some(({result}) => result === 'fail' || result === 'warn')
}

const onlyWithIde =
  (look: (facts: ConnectFacts) => Finding) =>
  (facts: ConnectFacts): Finding =>
    isHopeless(facts) ? {result: 'not-applicable', reason: 'no IDE stream can be made'} : look(facts)

function looksForSlot(facts: ConnectFacts): Finding {
  const bridge = bridgeOf(facts)
  if (!bridge.known) return unknownBecause(bridge.reason)
  const {name, available, slots} = bridge.value
  if (!available.present) return unknownBecause(`${name} does not say how many streams are free`)
  if (!available.value.known) return unknownBecause(available.value.reason)
  if (available.value.value > 0) return pass(`${available.value.value} stream slots free on ${name}`)
  return failsForRoom(
    facts,
    `no stream slot is free on ${name} (${slots.length} in use)`,
    'Disconnect a device below this host bridge; tsmctl ide list says which hold a stream.',
  )
}

function looksForBlock(facts: ConnectFacts, port: Known<PortAccount | undefined>): Finding {
  const free = thenKnown(port, found =>
    found === undefined ? unknown('it is not in the account') : mapKnown(found.free, blocks => ({...found, blocks})),
  )
  if (!free.known) return unknownBecause(free.reason)
  const {bdf, role, blocks} = free.value
  const [next] = blocks
  if (next !== undefined) return pass(`${role} ${bdf} has ${blocks.length} free, the next is block ${next}`)
  const numbers = valueOf(free.value.numbers)
  return failsForRoom(
    facts,
    `${role} ${bdf} has no Selective stream block free${numbers ? ` (${numbers.usable} usable, ${numbers.inUse} in use)` : ''}`,
    'Disconnect what holds them; blocks that firmware enabled stay taken until reboot. tsmctl ide list tells them apart.',
  )
}

/** SEV-TIO uses the slot's number as Stream ID, and registers it last, after the whole SPDM exchange. */
function looksForStreamId(facts: ConnectFacts): Finding {
  const bridge = bridgeOf(facts)
  if (!bridge.known) return unknownBecause(bridge.reason)
  const slot = nextSlot(bridge.value)
  if (slot === undefined) return {result: 'not-applicable', reason: 'no stream slot is free'}
  const {name, liveIds, unread} = bridge.value
  const remedy =
    'The same slot is taken at every attempt, so trying again changes nothing: disconnect or reset what holds the ID; one that firmware holds stays taken until it is turned off there.'
  if (slot === IDLE_STREAM_ID)
    return failsWithStreams(facts, `the next Stream ID on ${name} is ${slot}, which Linux reserves`, remedy)
  const holders = liveIds.get(slot)
  if (holders !== undefined) {
    const live = `the next Stream ID on ${name} is ${slot}, which is live already (${printable(holders.join(', '), 200)})`
    return isIdTaken(facts.account, bridge.value, slot)
      ? failsWithStreams(facts, live, remedy)
      : unknownBecause(`${live}, but in registers that Linux makes no use of`, remedy)
  }
  return unread.length > 0
    ? unknownBecause(`the registers of ${unread.length} functions below ${name} could not be read`)
    : pass(`the next Stream ID on ${name} is ${slot}, and nobody holds it`)
}

/** Linux 7.3 does not wake a device for DOE. */
function looksForPower({device: {powerState}}: ConnectFacts): Finding {
  if (!powerState.present) return unknownBecause('the kernel does not say which power state it is in')
  if (!powerState.value.known) return unknownBecause(powerState.value.reason)
  const state = powerState.value.value
  return state === 'D0'
    ? pass('it is in D0')
    : unknownBecause(
        `it is in ${printable(state)}, and its DOE mailbox may not answer (EIO or EBUSY)`,
        'tsmctl holds it in D0 while it connects where power/control allows; or write "on" there yourself.',
      )
}

/** The kernel does not ask for a driver; some drivers matter all the same. */
function looksForDriver({device: {driver}}: ConnectFacts): Finding {
  if (!driver.known) return unknownBecause(driver.reason)
  if (driver.value === undefined) return pass('no driver is bound, and none is needed')
  const name = printable(driver.value)
  return driver.value === 'vfio-pci'
    ? pass(
        `driver ${name} is bound: it puts idle devices to D3 and resets them when they are opened, which ends a session unseen`,
      )
    : pass(`driver ${name} is bound, and the kernel does not mind`)
}

export const STREAM_CHECKS: readonly Check[] = [
  {id: 'ide-device', title: 'it has Selective IDE', errno: 'EFAULT', kind: 'unsupported', look: deviceIde},
  {
    id: 'ide-root-port',
    title: 'its root port has Selective IDE',
    errno: 'EFAULT',
    kind: 'unsupported',
    look: rootPortIde,
  },
  {
    id: 'slot',
    title: 'the host bridge has a stream slot free',
    errno: 'EFAULT',
    kind: 'busy',
    look: onlyWithIde(looksForSlot),
  },
  {
    id: 'block-root-port',
    title: 'the root port has a stream block free',
    errno: 'EFAULT',
    kind: 'busy',
    look: onlyWithIde(facts => looksForBlock(facts, rootPortOf(facts))),
  },
  {
    id: 'block-device',
    title: 'the device has a stream block free',
    errno: 'EFAULT',
    kind: 'busy',
    look: onlyWithIde(facts => looksForBlock(facts, endpointOf(facts))),
  },
  {id: 'power', title: 'it is awake', errno: 'EIO', kind: 'transition', look: looksForPower},
  {id: 'driver', title: 'its driver', errno: 'EIO', kind: 'transition', look: looksForDriver},
  {
    id: 'stream-id',
    title: 'the next Stream ID is free',
    errno: 'EBUSY',
    kind: 'busy',
    look: onlyWithIde(looksForStreamId),
  },
]
