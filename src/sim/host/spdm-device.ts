/** A device at the other end of the mailbox while a TSM connects it: its responder, its DSM, and what goes wrong. */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {KM_KEY_PROG, KM_KEY_PROG_ACK, KM_OBJECT} from '../../ide/index.js'
import {CMA_SPDM, SECURED_CMA_SPDM} from '../../pci/index.js'
import {Responder, type ResponderOptions, SPDM_CODE, SPDM_CODE_NAMES, type Transport} from '../../spdm/index.js'
import type {KeyManagement} from '../dsm/ide-km.js'
import type {ConnectStep} from '../conversation.js'
import {type Fault, flipped} from '../faults.js'
import type {Dsm} from '../machine.js'
import {deviceOptions} from '../responder.js'
import {spdmMailbox} from '../spdm-mailbox.js'
import type {DeviceState} from './types.js'

export interface SpdmDeviceSpec {
  readonly bdf: string
  readonly identity: Dsm
  /** With what the device still knows from before. */
  readonly dsm: KeyManagement
  /** The session that it still has. */
  readonly before: DeviceState | undefined
  readonly fault: Fault | undefined
  readonly random: (length: number) => Uint8Array
  readonly pause: (milliseconds: number) => Promise<void>
}

export interface SpdmDevice {
  readonly peer: string
  readonly transport: Transport
  /** The next secured message carries this payload of IDE_KM. */
  expect(payload: Uint8Array): void
  /** What the device knows now; undefined when it has no session. */
  state(): DeviceState | undefined
}

/** Milliseconds that Linux waits for an answer (drivers/pci/doe.c, PCI_DOE_TIMEOUT). */
const DOE_TIMEOUT = 1000
const MAX_PAYLOAD = 0x2_0000
const UNSPECIFIED_FAILURE = 4
/** A code that no request has. */
const NO_REQUEST = 0xdf
const CODE_AT = 1
/** First byte of the registers in QUERY_RESP. */
const REGISTERS_AT = 8

const KM_STEPS: Readonly<Record<number, ConnectStep>> = {
  [KM_OBJECT.query]: 'QUERY',
  [KM_OBJECT.keyProg]: 'KEY_PROG',
  [KM_OBJECT.keySetGo]: 'K_SET_GO',
}

/** Where a fault strikes that does not say. */
const STEP: Readonly<Partial<Record<Fault['do'], ConnectStep>>> = {
  'no-answer': 'GET_VERSION',
  'spdm-error': 'KEY_EXCHANGE',
}

const spoilt = (bytes: Uint8Array): Uint8Array => flipped(bytes, bytes.length - 1)

/** The identity, with what is wrong about it. */
function optionsOf({identity, random, fault}: SpdmDeviceSpec): ResponderOptions {
  const options = deviceOptions(identity, random)
  const [slot] = options.slots
  switch (fault?.do) {
    case 'bad-signature':
      return {...options, slots: [{...slot!, sign: question => spoilt(slot!.sign(question))}]}
    case 'bad-certificate': {
      const leaf = slot!.certificates.length - 1
      const certificates = slot!.certificates.map((der, i) => (i === leaf ? spoilt(der) : der))
      return {...options, slots: [{...slot!, certificates}]}
    }
    default:
      return options
  }
}

/** What the DSM answers, or does not. */
function answerOf({dsm, fault}: SpdmDeviceSpec, payload: Uint8Array, session: number): Uint8Array | undefined {
  if (fault?.do === 'km-refuses' && payload[1] === KM_OBJECT.keyProg) {
    const {streamId, keySet, transmit, subStream, portIndex} = KM_KEY_PROG.decode(payload)
    return KM_KEY_PROG_ACK.encode({streamId, keySet, transmit, subStream, portIndex, status: UNSPECIFIED_FAILURE})
  }
  const answer = dsm.handle(payload, session)
  return fault?.do === 'wrong-registers' && answer?.[1] === KM_OBJECT.queryResponse
    ? flipped(answer, REGISTERS_AT)
    : answer
}

/** A request that its receiver answers with ERROR: of no known kind, or, in a session, not authentic. */
function garbled({secured, payload}: {readonly secured: boolean; readonly payload: Uint8Array}): Uint8Array {
  if (secured) return spoilt(payload)
  const bytes = concat(payload)
  bytes[CODE_AT] = NO_REQUEST
  return bytes
}

export function spdmDevice(spec: SpdmDeviceSpec): SpdmDevice {
  const {bdf, dsm, fault, pause} = spec
  const step = fault?.step ?? STEP[fault?.do ?? 'errno']
  let stale = spec.before?.session
  let inside: ConnectStep | undefined
  let isSilent = false
  const endStale = (): void => {
    if (stale !== undefined) dsm.sessionEnded(stale)
    stale = undefined
  }
  const responder = new Responder({
    ...optionsOf(spec),
    vendor: (payload, session) => (session === undefined ? undefined : answerOf(spec, payload, session)),
    onSessionEnd: session => dsm.sessionEnded(session),
  })
  const {answer} = spdmMailbox(responder)
  let isStruck = false

  /** Whether the fault is for this message. */
  function strikes({secured, payload}: {readonly secured: boolean; readonly payload: Uint8Array}): boolean {
    const sent = secured ? (inside ?? 'FINISH') : SPDM_CODE_NAMES[payload[CODE_AT]!]
    const isIt = !isStruck && sent === step
    isStruck ||= isIt
    return isIt
  }

  return {
    peer: bdf,
    expect: payload => void (inside = KM_STEPS[payload[1]!]),
    transport: {
      peer: bdf,
      maxPadding: 0,
      maxPayload: MAX_PAYLOAD,
      async exchange(request) {
        const isHit = strikes(request)
        isSilent ||= isHit && fault?.do === 'no-answer'
        const payload = isHit && fault?.do === 'spdm-error' ? garbled(request) : request.payload
        // what begins a connection ends everything before it
        if (!isSilent && !request.secured && payload[CODE_AT] === SPDM_CODE.GET_VERSION) endStale()
        const object = isSilent ? undefined : answer!({...(request.secured ? SECURED_CMA_SPDM : CMA_SPDM), payload})
        if (object === undefined) {
          await pause(DOE_TIMEOUT)
          throw new TsmctlError({kind: 'timeout', attempted: 'exchange a message', subject: bdf, got: 'no answer'})
        }
        if (object instanceof Uint8Array) throw new TypeError('a mailbox of SPDM names what it answers')
        return {secured: object.type === SECURED_CMA_SPDM.type, payload: object.payload}
      },
      async close() {
        // the mailbox stays
      },
    },
    state() {
      const session = responder.sessions[0] ?? stale
      return session === undefined ? undefined : {session, keys: dsm.held().keys}
    },
  }
}
