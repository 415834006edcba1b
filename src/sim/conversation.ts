/** What a link TSM and a device say to each other at connect, and how it goes wrong. */

/** Messages in their order; a fault names the one at which it strikes. */
export const CONNECT_STEPS = [
  'GET_VERSION',
  'GET_CAPABILITIES',
  'NEGOTIATE_ALGORITHMS',
  'GET_DIGESTS',
  'GET_CERTIFICATE',
  'KEY_EXCHANGE',
  'FINISH',
  'QUERY',
  'KEY_PROG',
  'K_SET_GO',
] as const
export type ConnectStep = (typeof CONNECT_STEPS)[number]

/** Kinds of faults. */
export const CONVERSATION = [
  'bad-signature',
  'bad-certificate',
  'spdm-error',
  'no-answer',
  'km-refuses',
  'wrong-registers',
] as const
export type ConversationKind = (typeof CONVERSATION)[number]
