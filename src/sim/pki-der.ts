/** The little DER that the extensions of device certificates need and the certificate library has no classes for. */
import {concat} from '../bits/index.js'

export const TAG = {
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  otherName: 0xa0,
  value: 0xa0,
  fwids: 0xa6,
} as const

/** X.690 encoding of values up to 255 bytes. */
export const tlv = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...content)
  return concat(body.length < 0x80 ? Uint8Array.of(tag, body.length) : Uint8Array.of(tag, 0x81, body.length), body)
}

/** OBJECT IDENTIFIER 1.3.6.1.4.1.412.274.n, the arc of DSP0274 §10.7. */
const dmtf = (n: number): Uint8Array => Uint8Array.of(0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0x1c, 0x82, 0x12, n)

export const DEVICE_INFO = dmtf(1)
/** 2.16.840.1.101.3.4.2.2. */
export const OID_SHA384 = Uint8Array.of(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02)

/** The DMTF extension with one identifier in it. */
const identified = (oid: Uint8Array): Uint8Array => tlv(TAG.sequence, tlv(TAG.sequence, tlv(TAG.oid, oid)))

/** The key belongs to this hardware, whatever its firmware. */
export const hardwareIdentity = (): Uint8Array => identified(dmtf(2))
/** The certificate changes with the firmware. */
export const mutableCertificate = (): Uint8Array => identified(dmtf(5))
