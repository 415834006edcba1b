/** What `bundle show` says: the manifest and every object in words, what each could prove, and that nothing is proven. */

import {type Decoded, type Facts, gatherFacts} from '../appraisal/index.js'
import type {ObjectLabel} from '../evidence/index.js'
import {harmless, printable} from '../errors.js'
import {versionText} from '../spdm/index.js'
import {type BundleCheck, bundleCheck, nonceText, type OpenedBundle} from './bundle.js'
import {table} from './text-table.js'

interface Worth {
  /** What it shows, if it holds. */
  readonly proves: string
  readonly authenticatedBy: string
  readonly freshBy: string
}

const CHAIN: Worth = {
  proves: 'who the device is',
  authenticatedBy: 'signatures up to a pinned anchor; the TSM knows its digest',
  freshBy: 'nothing: it stays over a boot',
}

const WORTH: Readonly<Record<Exclude<ObjectLabel, `cert${number}`>, Worth>> = {
  vca: {
    proves: 'what device and TSM agreed on',
    authenticatedBy: 'the signature over measurements since SPDM 1.2; else the TSM knows its digest',
    freshBy: 'the connection it was made for',
  },
  measurements: {
    proves: 'what runs on the device',
    authenticatedBy: "the signature of the leaf certificate's key; the TSM knows its digest",
    freshBy: 'the nonce in the signed request',
  },
  report: {
    proves: 'which memory and settings are locked',
    authenticatedBy: "the TSM's digest alone",
    freshBy: 'the lock it was made for',
  },
  tsm: {
    proves: 'what the TSM says of the session, the lock and the digests',
    authenticatedBy: 'the channel to the TSM at collection; nothing in this file',
    freshBy: 'the reading, repeated at accept',
  },
  ide: {
    proves: 'how the link is protected, as registers say',
    authenticatedBy: 'nobody: the host shows it',
    freshBy: 'the reading',
  },
  pci: {
    proves: 'nothing: it selects rules and places ranges',
    authenticatedBy: 'nobody: the host shows it',
    freshBy: 'the reading',
  },
  collection: {
    proves: 'nothing: what was seen around the reading',
    authenticatedBy: 'nobody but the collector',
    freshBy: 'the reading',
  },
  platform: {
    proves: 'on which platform the evidence was collected',
    authenticatedBy: "the platform's root",
    freshBy: 'the binding value it carries',
  },
}

const OTHER_SLOT: Worth = {...CHAIN, proves: 'nothing: it is not of the slot that was used'}

const worthOf = (label: ObjectLabel, slot: number): Worth =>
  (WORTH as Readonly<Partial<Record<ObjectLabel, Worth>>>)[label] ?? (label === `cert${slot}` ? CHAIN : OTHER_SLOT)

export interface BundleView {
  readonly check: BundleCheck
  readonly redactedFrom: string | null
  readonly bundleId: string
  readonly collectedAt: string
  readonly clock: string
  readonly host: {readonly kernel: string | null; readonly tool: string; readonly bootId: string | null}
  readonly device: {
    readonly bdf: string | null
    readonly vendor: string | null
    readonly device: string | null
    readonly class: string | null
    readonly revision: string | null
    readonly serialNumber: string | null
  }
  readonly provider: {
    readonly kind: string
    readonly abi: string
    readonly tsm: string | null
    readonly generation: number | null
  }
  readonly state: string
  readonly nonce: string | null
  readonly nonceFrom: string | null
  readonly lockEpoch: string
  readonly objects: readonly (Worth & {
    readonly label: string
    readonly mediaType: string
    readonly length: number
    readonly sha384: string
    readonly tsmDigest: string | null
    readonly source: string
    /** What is in it, as it says itself. */
    readonly says: string
  })[]
  readonly platform: {readonly provider: string; readonly bytes: number; readonly nonce: string | null} | null
}

function saidOf<T>(decoded: Decoded<T>, words: (value: T) => string): string {
  if (decoded.kind === 'decoded') return words(decoded.value)
  if (decoded.kind === 'malformed') return `cannot be read: ${harmless(decoded.error.message, 200)}`
  return 'cannot be read without the negotiation'
}

/** Content of an object, in a few words; text of the device is escaped. */
function saysOf(label: ObjectLabel, facts: Facts): string {
  switch (label) {
    case 'vca':
      return saidOf(
        facts.vca,
        ({version, hash, asym}) =>
          `SPDM ${versionText(version)}, ${hash?.name ?? 'no hash'}, ${asym?.name ?? 'no signatures'}`,
      )
    case 'measurements':
      return saidOf(
        facts.measurements,
        ({version, blocks, signed}) =>
          `SPDM ${versionText(version)}, ${blocks.length} blocks, ${signed === undefined ? 'not signed' : 'with a signature'}`,
      )
    case 'report':
      return saidOf(facts.report, report => `${report.facts.ranges.length} memory ranges`)
    case 'tsm':
      return saidOf(
        facts.tsm,
        ({name, state, digests}) =>
          `${printable(name ?? 'a TSM without name')}, ${state}, ${Object.keys(digests).length} digests`,
      )
    case 'ide':
      return saidOf(facts.ide, () => 'registers of the link')
    case 'pci':
      return saidOf(
        facts.pci,
        ({driver, bars}) => `${bars.length} BARs, ${driver === null ? 'no driver' : `driver ${printable(driver)}`}`,
      )
    case 'collection':
      return saidOf(facts.collection, () => 'the device before the reading')
    case 'platform':
      return 'not looked into'
    default:
      if (label !== `cert${facts.slot}`) return 'a chain of another slot than the one used'
      return saidOf(
        facts.certificates,
        all => `${all.length} certificates, leaf ${printable(all.at(-1)?.subject ?? '', 96)}`,
      )
  }
}

export async function bundleView(opened: OpenedBundle): Promise<BundleView> {
  const {manifest} = opened.bundle
  const {host, device, provider, nonce, lockEpoch} = manifest
  const facts = await gatherFacts(opened.bundle)
  return {
    check: bundleCheck(opened),
    redactedFrom: manifest.redactedFrom ?? null,
    bundleId: manifest.bundleId,
    collectedAt: manifest.collectedAt,
    clock: manifest.clock,
    host: {kernel: host.kernel, tool: host.tool, bootId: host.bootId},
    device: {
      bdf: device.bdf,
      vendor: device.vendor,
      device: device.device,
      class: device.class,
      revision: device.revision,
      serialNumber: device.dsn ?? null,
    },
    provider,
    state: manifest.tdiState,
    nonce: nonce?.value ?? null,
    nonceFrom: nonce?.derivation ?? null,
    lockEpoch: lockEpoch.value === null ? 'none' : `${lockEpoch.kind} ${lockEpoch.value}`,
    objects: manifest.objects.map(({label, mediaType, length, sha384, tsmDigest, source}) => ({
      label,
      mediaType,
      length,
      sha384,
      tsmDigest: tsmDigest === undefined ? null : `${tsmDigest.alg}:${tsmDigest.value}`,
      source,
      says: opened.bundle.objects.has(label) ? saysOf(label, facts) : 'missing',
      ...worthOf(label, facts.slot),
    })),
    platform:
      opened.bound === null
        ? null
        : {
            provider: opened.bound.platform.provider,
            bytes: opened.bound.platform.report.length,
            nonce: nonceText(opened.bound.nonce),
          },
  }
}

const CLOCK = {trusted: 'the collector vouches for its clock', untrusted: 'nobody vouches for the clock'} as const
const FORM = {
  json: 'one JSON file',
  directory: 'a directory',
  cbor: 'one CBOR file',
  bound: 'JSON, bound to a platform',
}

const or = (value: string | null, otherwise = '-'): string => (value === null ? otherwise : printable(value, 128))

const NONCE: Readonly<Record<string, string>> = {
  random: 'drawn by the collector',
  'relying-party': "derived from a relying party's and random bytes",
  external: 'named by whoever imported it',
}

function platformLines({platform, check}: BundleView): string[] {
  if (platform === null) return []
  const carried = {
    true: 'carries the binding value',
    false: 'DOES NOT carry the binding value',
    null: 'not looked into',
  }
  return [
    `platform         report of ${printable(platform.provider)}, ${platform.bytes} bytes: ${carried[`${check.reportCarriesBinding}`]}`,
    `  bound with     nonce ${or(platform.nonce, 'none')}`,
  ]
}

export function bundleText(view: BundleView): string {
  const {check, device, provider, host, objects} = view
  const findings = check.findings.map(finding => `  ${finding}`)
  const head = [
    `evidence bundle in ${FORM[check.form]}`,
    `evidence digest  ${check.digest}`,
    ...(view.redactedFrom === null ? [] : [`redacted from    ${view.redactedFrom}`]),
    `collected        ${view.collectedAt}; ${CLOCK[view.clock as keyof typeof CLOCK]}`,
    `by               ${printable(host.tool)} on kernel ${or(host.kernel, 'unknown')}`,
    `through          ${printable(provider.abi)}${provider.generation === null ? '' : `, generation ${provider.generation}`}; TSM ${or(provider.tsm)}`,
    `device           ${or(device.bdf, 'not at hand')}, claims to be ${or(device.vendor, '?')}:${or(device.device, '?')} class ${or(device.class, '?')} revision ${or(device.revision, '?')}`,
    ...(device.serialNumber === null ? [] : [`serial number    ${printable(device.serialNumber)}`]),
    `state            ${view.state}, lock epoch ${printable(view.lockEpoch)}`,
    `nonce            ${view.nonce ?? 'none'}${view.nonceFrom === null ? '' : `: ${NONCE[view.nonceFrom]}`}`,
    ...platformLines(view),
    '',
  ]
  const blocks = objects.flatMap(({label, proves, authenticatedBy, freshBy, says}) => [
    `${label}: ${says}`,
    `  could prove    ${proves}`,
    `  on the word of ${authenticatedBy}`,
    `  fresh by       ${freshBy}`,
  ])
  const rows = objects.map(({label, length, sha384, tsmDigest, source}) => [
    label,
    `${length}`,
    sha384.slice('sha384:'.length, 'sha384:'.length + 12),
    tsmDigest === null ? 'no' : 'yes',
    printable(source, 40),
  ])
  const integrity =
    findings.length === 0 ? ['every object is as the manifest lists it'] : ['THIS BUNDLE IS NOT WHOLE:', ...findings]
  return [
    ...head.map(line => `${line}\n`),
    table(['OBJECT', 'BYTES', 'SHA-384', 'TSM DIGEST', 'SOURCE'], rows),
    '\n',
    ...[...blocks, '', ...integrity, 'Nothing here was verified: that is tsmctl verify.'].map(line => `${line}\n`),
  ].join('')
}
