/** What `spdm attest --session` does inside a secure session, one line for each step. */
import {hex} from '../bits/index.js'
import {harmless, TsmctlError} from '../errors.js'
import {KmClient} from '../ide/index.js'
import {bdfOfRid} from '../pci/index.js'
import {type Connection, type MeasurementFacts, type Requester, type RequesterSession} from '../spdm/index.js'
import {TdispClient} from '../tdisp/index.js'
import type {SessionView} from './spdm-attestation.js'

export interface ConversationOptions {
  readonly slot: number
  /**
   * Ask for IDE_KM and TDISP, which PCIe puts into DOE objects. Elsewhere there may be nobody for them: the emulator of
   * DMTF on MCTP, built for debugging, stops for good at a vendor-defined message.
   */
  readonly isPci: boolean
  /** Requester ID of the function behind a mailbox; over TCP the device's own word for it is taken. */
  readonly requesterId?: number | undefined
  /** Told as soon as both sides have the same keys. */
  readonly onOpen: (session: SessionView) => void
  /** Told what was measured inside, when the device signs that. */
  readonly onMeasured: (facts: MeasurementFacts) => void
}

const SIGNED = 2

/** A device may decline what is not SPDM's own: that is worth a line, not the end. What ends the session is. */
async function optional(session: RequesterSession, what: string, ask: () => Promise<string>): Promise<string> {
  try {
    return `${what}: ${await ask()}`
  } catch (error) {
    if (!(error instanceof TsmctlError) || error.kind === 'interrupted' || !session.isOpen) throw error
    return harmless(`${what}: ${error.got ?? 'declined'}`, 300)
  }
}

async function ports(session: RequesterSession, note: (requesterId: number) => void): Promise<string> {
  const port = await new KmClient({send: payload => session.vendorDefined(payload)}).query()
  note(port.requesterId)
  const count = port.ide.known ? port.ide.value.selectiveStreams.length : 0
  const streams = port.ide.known ? `${count} selective stream${count === 1 ? '' : 's'}` : 'unreadable registers'
  return `port 0 of ${port.maxPortIndex + 1}, function ${bdfOfRid(port.segment, port.requesterId)}, ${streams}`
}

async function tdi(session: RequesterSession, requesterId: number): Promise<string> {
  const client = new TdispClient({send: payload => session.vendorDefined(payload), tdi: {requesterId}})
  await client.version()
  const {devAddrWidth} = await client.capabilities()
  return `version 1.0, ${devAddrWidth} address bits, interface in ${await client.state()}`
}

/** Everything that was negotiated, one after the other; `steps` gets a line for each. */
async function use(
  session: RequesterSession,
  {requester: ours, responder: theirs, aead, encrypted}: Connection,
  {isPci, requesterId, onMeasured}: ConversationOptions,
  steps: string[],
): Promise<void> {
  if (theirs.flags.measCap === SIGNED) {
    const {facts} = await session.measurements({which: 'all'})
    steps.push(`measurements: ${facts.blocks.length}, signed`)
    onMeasured(facts)
  }
  if (session.facts.heartbeatPeriod !== 0) {
    await session.heartbeat()
    steps.push('heartbeat: answered')
  }
  if (ours?.flags.keyUpdCap && theirs.flags.keyUpdCap) {
    await session.keyUpdate('requester')
    await session.keyUpdate('both')
    steps.push('keys: ours updated, then both')
  }
  if (!isPci) return
  // PCIe r7.0 §11.3.1: whoever keeps to it answers in no other session
  if (aead?.name !== 'aes-256-gcm' || !encrypted) {
    steps.push('IDE_KM, TDISP: not asked, they want records encrypted with AES-256-GCM')
    return
  }
  let rid = requesterId
  steps.push(await optional(session, 'IDE_KM', () => ports(session, own => (rid ??= own))))
  steps.push(await optional(session, 'TDISP', () => tdi(session, rid ?? 0)))
}

/** Ends a session that something failed in, unless that has ended it: the responder is not to keep it. */
async function leave(session: RequesterSession): Promise<void> {
  if (!session.isOpen) return
  try {
    await session.end()
  } catch (error) {
    // the failure that brought us here is the one to report
    if (!(error instanceof TsmctlError)) throw error
  }
}

/**
 * Opens a session with the owner of a slot's key, uses everything that was negotiated, and ends it, whatever was refused
 * inside. Throws RequesterError; closing the requester forgets the keys of a session that did not come to its end.
 */
export async function converse(
  requester: Requester,
  connection: Connection,
  options: ConversationOptions,
): Promise<SessionView> {
  const session = await requester.openSession({slot: options.slot})
  const {id, heartbeatPeriod} = session.facts
  const steps = connection.encrypted ? [] : ['records: authenticated, not encrypted']
  const view: SessionView = {
    id: hex(id, 8),
    exchange: connection.exchange?.name ?? 'none',
    aead: connection.aead?.name ?? 'none',
    heartbeatPeriod,
    steps,
  }
  options.onOpen(view)
  try {
    await use(session, connection, options, steps)
    await session.end()
  } catch (error) {
    await leave(session)
    throw error
  }
  steps.push('ended')
  return view
}
