/** What a connection must have agreed on before a session can be opened (DSP0274 1.3 §10.15, §10.17; DSP0277 1.2 §9). */
import type {CapabilityFlags} from '../messages/index.js'
import type {Connection} from './connection.js'
import {broken, type Rule} from './rules.js'

export type SessionKind = 'exchange' | 'psk'

interface Facts {
  readonly connection: Connection
  readonly kind: SessionKind
}

const both = ({requester, responder}: Connection, has: (flags: CapabilityFlags) => boolean): boolean =>
  requester !== undefined && has(requester.flags) && has(responder.flags)

const RULES: readonly Rule<Facts>[] = [
  {
    spec: 'DSP0274 1.1 §10',
    until: 0x10,
    problem: 'SPDM 1.0 has no sessions',
    broken: () => true,
  },
  {
    spec: 'DSP0274 1.3 §10.4',
    since: 0x11,
    problem: 'not both sides have KEY_EX_CAP',
    broken: ({connection, kind}) => kind === 'exchange' && !both(connection, flags => flags.keyExCap),
  },
  {
    spec: 'DSP0274 1.3 §10.4',
    since: 0x11,
    problem: 'not both sides have PSK_CAP',
    broken: ({connection, kind}) => kind === 'psk' && !both(connection, flags => flags.pskCap !== 0),
  },
  {
    spec: 'DSP0274 1.3 §10.4',
    since: 0x11,
    problem: 'not both sides have MAC_CAP',
    broken: ({connection}) => !both(connection, flags => flags.macCap),
  },
  {
    spec: 'DSP0277 1.2 §9',
    since: 0x12,
    problem: 'OpaqueDataFmt1 was not agreed',
    broken: ({connection}) => !connection.opaqueFormat1,
  },
  {
    spec: 'DSP0274 1.3 §10.5',
    since: 0x11,
    problem: 'no key exchange algorithm was agreed',
    broken: ({connection, kind}) => kind === 'exchange' && connection.exchange === undefined,
  },
  {
    spec: 'DSP0274 1.3 §10.5',
    since: 0x11,
    problem: 'no AEAD was agreed',
    broken: ({connection}) => connection.aead === undefined,
  },
  {
    spec: 'DSP0274 1.3 §10.5',
    since: 0x11,
    problem: 'no base hash was agreed',
    broken: ({connection}) => connection.hash === undefined,
  },
]

/** Why no session of `kind` can be opened over `connection`; empty when one can. */
export const sessionProblems = (connection: Connection, kind: SessionKind): readonly string[] =>
  broken(RULES, connection.version, {connection, kind})
