/**
 * What a decoder of SPDM messages must know from outside the message: the negotiated version and sizes, and what the
 * request asked for. One vocabulary for all layouts; absent means 0. Sizes are in bytes.
 */
export type MessageContext = {
  /** SPDMVersion that was agreed; a message of another version is then an error. */
  readonly version?: number
  /** Digest of the base hash (H). */
  readonly hashSize?: number
  /** Signature of the responder; 0 when the request asked for none. */
  readonly signatureSize?: number
  /** Signature of the requester, in FINISH with mutual authentication. */
  readonly requesterSignatureSize?: number
  /** ExchangeData of KEY_EXCHANGE: the requester's public value or encapsulation key. */
  readonly exchangeSize?: number
  /** ExchangeData of KEY_EXCHANGE_RSP: the responder's public value or ciphertext. */
  readonly responseExchangeSize?: number
  /** 1 when the request asked for a MeasurementSummaryHash and the responder has measurements. */
  readonly summary?: number
  /** 1 when both sides set HANDSHAKE_IN_THE_CLEAR_CAP: ResponderVerifyData moves from KEY_EXCHANGE_RSP to FINISH_RSP. */
  readonly clearHandshake?: number
  /** 1 in a multi-key connection of the responder, since 1.3. */
  readonly multiKey?: number
}

/** A rule on context for tables whose extent depends on it. */
export const sizeOf =
  (name: keyof MessageContext) =>
  (_: unknown, context: Readonly<Record<string, number>>): number =>
    context[name] ?? 0
