/** What a device is, from evidence that verified. */
import {toHex} from '../../bits/index.js'
import {printable} from '../../errors.js'
import {named, type Sha384} from '../../evidence/index.js'
import {type BlockFacts, type CertificateFacts, deviceCertificateIndex, versionText} from '../../spdm/index.js'
import {type Facts, known} from '../facts.js'
import {deviceSpecificDigest, normalFormDigest, pinnedRanges} from './normal-form.js'
import type {DeviceProfile, DiceLayer, MeasuredBlock} from './types.js'

export type PinKind = 'device-cert' | 'leaf' | 'san'

const LONGEST_NAME = 256

const nameOf = (chain: readonly CertificateFacts[]): string | undefined => chain.at(-1)?.deviceInfo?.text

/**
 * Id of the pin of a device with this chain. A pin of the name holds for every certificate with it; undefined where the
 * leaf has none.
 */
export function pinIdOf(chain: readonly CertificateFacts[], kind: PinKind): Sha384 | undefined {
  const leaf = chain.at(-1)
  if (leaf === undefined) return undefined
  if (kind === 'leaf') return `sha384:${leaf.sha384}`
  if (kind === 'device-cert') return `sha384:${chain[deviceCertificateIndex(chain)]!.sha384}`
  const name = nameOf(chain)
  return name === undefined ? undefined : named(new TextEncoder().encode(`tsmctl-pin-san-v1\0${name}`))
}

/** Longer values are kept as a digest: a manifest may have megabytes. */
const LONGEST_VALUE = 1024

const kept = (value: Uint8Array): string => (value.length > LONGEST_VALUE ? named(value) : toHex(value))

const typeOf = ({typeName, type}: BlockFacts): string => typeName ?? (type === undefined ? 'not DMTF' : `type ${type}`)

/** Of a block that several responses repeat, the last one. */
function measurementsOf(blocks: readonly BlockFacts[], groupOf: ProfileInput['groupOf']): MeasuredBlock[] {
  const byIndex = new Map(blocks.map(block => [block.index, block]))
  return [...byIndex.values()]
    .toSorted((a, b) => a.index - b.index)
    .map(block => {
      const group = groupOf?.(block.index)
      return {
        index: block.index,
        type: typeOf(block),
        valueType: block.raw ? 'raw' : 'digest',
        value: kept(block.value),
        ...(group !== undefined && {group}),
      }
    })
}

function diceOf(chain: readonly CertificateFacts[]): DiceLayer[] {
  const infos = chain.flatMap(({dice}) =>
    dice.flatMap(({content}) => (content.kind === 'tcb-info' ? content.infos : [])),
  )
  return infos.map(({layer, fwids, svn, flags}, i) => ({
    layer: layer ?? i,
    fwids: fwids.map(({hash, digest}) => `${hash}:${toHex(digest)}`),
    svn: svn === undefined ? null : String(svn),
    flags: [...(flags ?? [])],
  }))
}

const greatest = (versions: readonly bigint[]): string | null =>
  versions.length === 0 ? null : String(versions.reduce((a, b) => (a > b ? a : b)))

/** What is known of the report, where the report is the one that the TSM saw, as far as the rule asks for that. */
function reportPart({report}: Facts, reliable: boolean) {
  const value = reliable ? known(report) : undefined
  if (value === undefined) return {reportNormalForm: null, deviceSpecific: null, ranges: [], lockFlags: []}
  const {layout, facts} = value
  const flags = {
    noFwUpdate: facts.firmwareUpdates === 'refused',
    ats: facts.ats,
    prs: facts.prs,
    pasid: facts.dmaWithPasid,
    dmaWithoutPasid: facts.dmaWithoutPasid,
    lockMsix: facts.msix.control !== 0 || facts.ranges.some(({msixTable, msixPba}) => msixTable || msixPba),
  }
  return {
    reportNormalForm: normalFormDigest(layout),
    deviceSpecific: deviceSpecificDigest(layout),
    ranges: pinnedRanges(facts.ranges),
    lockFlags: Object.entries(flags).flatMap(([name, isSet]) => (isSet ? [name] : [])),
  }
}

export interface ProfileInput {
  readonly facts: Facts
  /** The chain verified up to the anchor, and measurements and nonce verified with its leaf. */
  readonly verified: boolean
  /** The report is well-formed and the one the TSM saw, as far as the rule asks for that. */
  readonly reportIsReliable: boolean
  /** Label of the anchor. */
  readonly anchor: string
  readonly pin: PinKind
  readonly debug: DeviceProfile['debug']
  /** Which measured blocks belong together, where somebody knows. */
  readonly groupOf?: ((index: number) => string | undefined) | undefined
}

/** Undefined unless the evidence verified. */
export function profileOf(input: ProfileInput): DeviceProfile | undefined {
  const {facts, verified, anchor, pin, debug} = input
  const chain = known(facts.certificates)
  const measurements = known(facts.measurements)
  if (!verified || chain === undefined || measurements === undefined || facts.negotiated === undefined) return undefined
  const pinId = pinIdOf(chain, pin)
  if (pinId === undefined) return undefined
  const tsm = known(facts.tsm)
  const name = nameOf(chain)
  const san = name === undefined ? null : printable(name, LONGEST_NAME)
  const {blocks, version} = measurements
  const {hash, asym} = facts.negotiated
  return {
    pinId,
    certificate: pinIdOf(chain, 'device-cert')!,
    leaf: pinIdOf(chain, 'leaf')!,
    san,
    model: san === null ? null : san.split(':').slice(0, 2).join(':'),
    anchor: printable(anchor, 80),
    slot: facts.slot,
    spdm: {version: versionText(version), hash: hash.name, asym: asym.name},
    platform: {
      abi: facts.bundle.manifest.provider.abi,
      digestAlgorithm: tsm?.digestAlgorithm ?? null,
      digests: Object.keys(tsm?.digests ?? {}).sort(),
    },
    measurements: measurementsOf(blocks, input.groupOf),
    dice: diceOf(chain),
    ...reportPart(facts, input.reportIsReliable),
    bars: (known(facts.pci)?.bars ?? [])
      .filter(({kind, size}) => kind.startsWith('memory') && BigInt(size) > 0n)
      .map(({index, size}) => ({bar: index, size})),
    debug,
    maxSvn: greatest(blocks.flatMap(block => block.svn ?? [])),
  }
}
