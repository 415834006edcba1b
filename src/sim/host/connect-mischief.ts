/** Devices that spoil a connect: what they answer, and what happens to messages on their way. */
import {concat} from '../../bits/index.js'
import {KM_KEY_PROG, KM_KEY_PROG_ACK, KM_OBJECT} from '../../ide/index.js'
import {type Datagram, type ResponderOptions, SPDM_CODE_NAMES} from '../../spdm/index.js'
import type {ConnectStep} from '../conversation.js'
import {type Fault, flipped} from '../faults.js'
import {DeviceEnd, type DeviceSpec, type Interposer, type SlowWire, type StoredLink} from '../tsm/index.js'

/** Milliseconds that Linux waits for an answer (drivers/pci/doe.c, PCI_DOE_TIMEOUT). */
export const DOE_TIMEOUT = 1000
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

/** An identity with something wrong about it. */
function withWrongIdentity(options: ResponderOptions, fault: Fault | undefined): ResponderOptions {
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

const refusesKeys: Interposer = (payload, answer) => {
  if (payload[1] !== KM_OBJECT.keyProg) return answer(payload)
  const {streamId, keySet, transmit, subStream, portIndex} = KM_KEY_PROG.decode(payload)
  return KM_KEY_PROG_ACK.encode({streamId, keySet, transmit, subStream, portIndex, status: UNSPECIFIED_FAILURE})
}

const showsOtherRegisters: Interposer = (payload, answer) => {
  const said = answer(payload)
  return said?.[1] === KM_OBJECT.queryResponse ? flipped(said, REGISTERS_AT) : said
}

const INTERPOSERS: Readonly<Partial<Record<Fault['do'], Interposer>>> = {
  'km-refuses': refusesKeys,
  'wrong-registers': showsOtherRegisters,
}

/** A request that its receiver answers with ERROR: of no known kind, or, in a session, not authentic. */
function garbled({secured, payload}: Datagram): Datagram {
  if (secured) return {secured, payload: spoilt(payload)}
  const bytes = concat(payload)
  bytes[CODE_AT] = NO_REQUEST
  return {secured, payload: bytes}
}

export interface Mischievous {
  readonly device: DeviceEnd
  readonly wire: SlowWire
  /** The next secured message carries this payload of IDE_KM. */
  readonly sending: (payload: Uint8Array) => void
}

/** The device of `spec` with `fault` at it, or without. */
export function mischievous(
  {responder, dsm}: DeviceSpec,
  before: StoredLink['device'] | undefined,
  fault: Fault | undefined,
  pause: (milliseconds: number) => Promise<void>,
): Mischievous {
  const interposed = fault && INTERPOSERS[fault.do]
  const device = new DeviceEnd({responder: withWrongIdentity(responder, fault), dsm}, before, interposed)
  const step = fault?.step ?? STEP[fault?.do ?? 'errno']
  let inside: ConnectStep | undefined
  let isSilent = false
  let isStruck = false

  /** Whether the fault is for this message. */
  function strikes({secured, payload}: Datagram): boolean {
    const sent = secured ? (inside ?? 'FINISH') : SPDM_CODE_NAMES[payload[CODE_AT]!]
    const isIt = !isStruck && sent === step
    isStruck ||= isIt
    return isIt
  }

  return {
    device,
    sending: payload => void (inside = KM_STEPS[payload[1]!]),
    async wire(request) {
      const isHit = strikes(request)
      isSilent ||= isHit && fault?.do === 'no-answer'
      const sent = isHit && fault?.do === 'spdm-error' ? garbled(request) : request
      const answer = isSilent ? undefined : device.respond(sent)
      if (answer === undefined) await pause(DOE_TIMEOUT)
      return answer
    },
  }
}
