/** The evidence of an attestation as a bundle: it can be appraised, and never leads to accept. */
import {toHex} from '../bits/index.js'
import {
  type Bundle,
  type DeviceFacts,
  encodeFacts,
  type EvidenceObject,
  freeze,
  type ObjectLabel,
  type PciFacts,
} from '../evidence/index.js'

export interface AttestationEvidence {
  /** `tcp://127.0.0.1:2323`, `0000:01:00.0`. */
  readonly peer: string
  /** What the machine says about the function that answered; undefined where no function is known. */
  readonly pci: PciFacts | undefined
  /** GET_VERSION to ALGORITHMS. */
  readonly vca: Uint8Array
  /** Chain objects by slot. */
  readonly chains: ReadonlyMap<number, Uint8Array>
  /** Every GET_MEASUREMENTS and MEASUREMENTS, the last one signed. */
  readonly measurements: Uint8Array | undefined
  /** Nonce of the signed request. */
  readonly nonce: Uint8Array | undefined
  /** RFC 3339. */
  readonly collectedAt: string
  /** 16 random bytes. */
  readonly bundleId: Uint8Array
  readonly tool: string
}

const NOBODY: DeviceFacts = {bdf: null, vendor: null, device: null, subsystem: null, class: null, revision: null}

const deviceOf = ({bdf, vendor, device, subsystem, class: classCode, revision, dsn}: PciFacts): DeviceFacts => ({
  bdf,
  vendor,
  device,
  subsystem,
  class: classCode,
  revision,
  ...(dsn !== undefined && {dsn}),
})

/**
 * Evidence of a device that no TSM holds counts as a file: it says what the device signed, not that this device is the
 * one behind a locked interface.
 */
export function attestationBundle(evidence: AttestationEvidence): Bundle {
  const {peer: source, pci, vca, chains, measurements, nonce, collectedAt, bundleId, tool} = evidence
  const objects: EvidenceObject[] = [
    ...[...chains].map(([slot, bytes]) => ({label: `cert${slot}` as ObjectLabel, bytes, source})),
    {label: 'vca', bytes: vca, source},
    ...(measurements === undefined ? [] : [{label: 'measurements' as const, bytes: measurements, source}]),
    ...(pci === undefined ? [] : [{label: 'pci' as const, bytes: encodeFacts(pci), source: 'sysfs'}]),
  ]
  return freeze(objects, {
    bundleId: toHex(bundleId),
    collectedAt,
    clock: 'untrusted',
    host: {machineIdHash: null, bootId: null, kernel: null, tool, toolDigest: null},
    device: pci === undefined ? NOBODY : deviceOf(pci),
    provider: {kind: 'file', abi: 'spdm-attest/1', tsm: null, generation: null},
    nonce: nonce === undefined ? null : {value: toHex(nonce), derivation: 'random'},
    lockEpoch: {kind: 'none', value: null},
    tdiState: 'unknown',
  })
}
