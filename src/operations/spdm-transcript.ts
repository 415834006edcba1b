/** Every message of an attestation, as a capture file that `decode spdm` and others read. */
import {concat, join} from '../bits/index.js'
import {PCAP_HEADER, PCAP_MAGIC, PCAP_RECORD} from '../pcap/index.js'
import type {Datagram, Transport} from '../spdm/index.js'
import {type Binding, DOE_BINDING} from './spdm-binding.js'

export interface SeenObject {
  /** Nanoseconds since 1970. */
  readonly time: bigint
  readonly datagram: Datagram
}

/** `transport`, with everything that goes through it noted in `seen`. Messages as they were sent, sessions as records. */
export function listening(transport: Transport, seen: SeenObject[], now: () => bigint): Transport {
  return {
    peer: transport.peer,
    maxPadding: transport.maxPadding,
    maxPayload: transport.maxPayload,
    records: transport.records,
    async exchange(request, timeout, signal) {
      seen.push({time: now(), datagram: request})
      const response = await transport.exchange(request, timeout, signal)
      seen.push({time: now(), datagram: response})
      return response
    },
    close: () => transport.close(),
  }
}

const LARGEST = 0x40000
const SECOND = 1_000_000_000n

function record({time, datagram}: SeenObject, {wrap, captureHead}: Binding): Uint8Array[] {
  const object = concat(captureHead, wrap(datagram))
  const {length} = object
  const head = {
    seconds: Number(time / SECOND),
    fraction: Number(time % SECOND),
    capturedLength: length,
    originalLength: length,
  }
  return [PCAP_RECORD.encode(head), object]
}

/** A pcap file with time stamps in nanoseconds. */
export const captureFile = (seen: readonly SeenObject[], binding: Binding = DOE_BINDING): Uint8Array =>
  join([
    PCAP_HEADER.encode({
      magic: PCAP_MAGIC.nanoseconds,
      majorVersion: 2,
      minorVersion: 4,
      snapLength: LARGEST,
      linkType: binding.linkType,
    }),
    ...seen.flatMap(one => record(one, binding)),
  ])
