/** HEARTBEAT, KEY_UPDATE and END_SESSION (DSP0274 1.3 §10.18 to §10.20). */
import {
  END_SESSION_ACK,
  HEARTBEAT,
  HEARTBEAT_ACK,
  KEY_OPERATION,
  KEY_UPDATE,
  KEY_UPDATE_ACK,
} from '../messages/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'

export async function heartbeat(link: Link, budget: Budget, session: SecureSession): Promise<void> {
  const {version} = link
  await exchange(link, budget, {
    request: 'HEARTBEAT',
    message: HEARTBEAT.encode({spdmVersion: version}, {version}),
    response: HEARTBEAT_ACK,
    attempted: 'keep the session alive',
    session,
  })
}

/** Whose key: ours alone, or those of both sides. */
export type KeyUpdate = 'requester' | 'both'

async function operate(
  link: Link,
  budget: Budget,
  session: SecureSession,
  operation: keyof typeof KEY_OPERATION,
): Promise<void> {
  const attempted = 'update the keys of the session'
  const {version} = link
  const [tag] = link.settings.random(1)
  const keyOperation = KEY_OPERATION[operation]
  const before = session.updates('responder')
  const {value} = await exchange(link, budget, {
    request: 'KEY_UPDATE',
    message: KEY_UPDATE.encode({spdmVersion: version, keyOperation, tag}, {version}),
    response: KEY_UPDATE_ACK,
    attempted,
    session,
    // the acknowledgement comes under the responder's new key already; an ERROR in front of it takes the update back
    beforeOpen() {
      if (operation === 'updateAllKeys' && session.updates('responder') === before) session.update('responder')
    },
  })
  if (value.keyOperation !== keyOperation || value.tag !== tag)
    throw link.failure(attempted, 'echo', 'the acknowledgement is for another request')
  if (operation !== 'verifyNewKey') session.update('requester')
}

/** Replaces keys and proves, under the new ones, that both sides have them. */
export async function updateKeys(link: Link, budget: Budget, session: SecureSession, whose: KeyUpdate): Promise<void> {
  await operate(link, budget, session, whose === 'both' ? 'updateAllKeys' : 'updateKey')
  await operate(link, budget, session, 'verifyNewKey')
}

/** Ends the session on both sides; on ours in any case. */
export async function endSession(link: Link, budget: Budget, session: SecureSession): Promise<void> {
  try {
    await exchange(link, budget, {
      request: 'END_SESSION',
      message: link.farewell,
      response: END_SESSION_ACK,
      attempted: 'end the session',
      session,
    })
  } finally {
    session.end()
    link.sessions.delete(session.id)
  }
}
