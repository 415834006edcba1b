/** What a responder states about itself unless its options do: sizes in bytes, CTExponent as 2^n microseconds. */
export const DEFAULTS = {dataTransferSize: 4608, maxSpdmMsgSize: 0x28000, ctExponent: 20} as const
