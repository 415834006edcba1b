/**
 * What stands in `state.json` for the memories of a TSM and a device: a process of the simulator lives for one command, a
 * TSM and a device for as long as the machine runs. Each side has its own, so that one can forget what the other still
 * believes. Bytes are lower-case hex, but for long ones, which are base64.
 *
 * The contract: `DeviceEnd` and `TsmSession` are made from a memory and give the next one. Whoever exchanges messages
 * does so within one `MachineStore.update` and stores both memories in it, or stores nothing: then the messages were
 * never sent, and sequence numbers still agree.
 */
import {fromHex, toHex} from '../../bits/index.js'
import type {ResponderMemory, SessionMemory} from '../../spdm/index.js'
import {type DsmMemory, isDsmMemory} from '../dsm/index.js'
import {fromBase64, toBase64} from '../base64.js'
import {fields, isCount, isText, listOf, mapOf, nullOr, oneOf, type Shape} from '../shapes.js'

interface StoredDirection {
  readonly secret: string
  readonly next: number
}

/** `SessionMemory`. */
export interface StoredSession {
  readonly id: number
  readonly role: 'requester' | 'responder'
  readonly requester: StoredDirection
  readonly responder: StoredDirection
}

/** A device: its responder and the DSM behind it. */
export interface StoredDevice {
  /** `ResponderMemory.vca`. */
  readonly vca: readonly string[]
  readonly sessions: readonly StoredSession[]
  readonly dsm: DsmMemory
}

/** The TSM's side of one session. */
export interface StoredTsmSession {
  /** GET_VERSION to ALGORITHMS, all in one. */
  readonly vca: string
  readonly session: StoredSession
  /** Null for a device without one. */
  readonly stream: StoredStream | null
}

/** The Root Port's end of the device's stream. */
export interface StoredStream {
  readonly streamId: number
  readonly keySet: 0 | 1
  /** By `direction/sub-stream`, as the Root Port sees it; 32 bytes. */
  readonly keys: Readonly<Record<string, string>>
  /** The directions that run. */
  readonly running: readonly string[]
}

/**
 * A device with a DSM, and the platform's side of the session with it, if there is one. A device has one session and its
 * port one owner: in a kernel with two TSMs the one that opens a connection takes it from the other, which meets the
 * device anew (GET_VERSION ends what was before it).
 */
export interface StoredLink {
  readonly device: StoredDevice
  readonly tsm: StoredTsmSession | null
}

export const storedSession = ({id, role, directions: {requester, responder}}: SessionMemory): StoredSession => ({
  id,
  role,
  requester: {secret: toHex(requester.secret), next: requester.next},
  responder: {secret: toHex(responder.secret), next: responder.next},
})

export const sessionOf = ({id, role, requester, responder}: StoredSession): SessionMemory => ({
  id,
  role,
  directions: {
    requester: {secret: fromHex(requester.secret), next: requester.next},
    responder: {secret: fromHex(responder.secret), next: responder.next},
  },
})

export const storedResponder = ({vca, sessions}: ResponderMemory): Pick<StoredDevice, 'vca' | 'sessions'> => ({
  vca: vca.map(toBase64),
  sessions: sessions.map(storedSession),
})

export const responderOf = ({vca, sessions}: Pick<StoredDevice, 'vca' | 'sessions'>): ResponderMemory => ({
  vca: vca.map(fromBase64),
  sessions: sessions.map(sessionOf),
})

const direction = fields({secret: isText, next: isCount})
const session = fields({
  id: isCount,
  role: oneOf('requester', 'responder'),
  requester: direction,
  responder: direction,
})

/** `StoredLink`, for the shape of `state.json`. */
export const isStoredLink: Shape = fields({
  device: fields({vca: listOf(isText), sessions: listOf(session), dsm: isDsmMemory}),
  tsm: nullOr(
    fields({
      vca: isText,
      session,
      stream: nullOr(
        fields({
          streamId: isCount,
          keySet: isCount,
          keys: mapOf(isText),
          running: listOf(isText),
        }),
      ),
    }),
  ),
})
