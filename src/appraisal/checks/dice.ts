/** What the verified certificates say about the boot of the device (TCG DICE Attestation Architecture 1.1 §6.1). */
import {equal, toHex} from '../../bits/index.js'
import {printable} from '../../errors.js'
import type {BlockFacts, CertificateFacts, DiceExtension, Fwid, TcbInfo} from '../../spdm/index.js'
import {known} from '../facts.js'
import type {Pin} from '../pins/index.js'
import type {FirmwareReference} from '../references/index.js'
import {aboutChain} from './about-chain.js'
import type {Check} from './context.js'
import {type Answer, blocked, fail, failIfAny, pass, relaxed, skip} from './verdict.js'

interface Found extends DiceExtension {
  /** Position in the chain. */
  readonly certificate: number
}

const diceOf = (chain: readonly CertificateFacts[]): readonly Found[] =>
  chain.flatMap(({dice}, certificate) => dice.map(extension => ({...extension, certificate})))

interface Layer extends TcbInfo {
  readonly certificate: number
  /** Number of the layer, or its position where it states none. */
  readonly name: number
}

/** Layers from the one nearest the hardware on. */
const layersOf = (chain: readonly CertificateFacts[]): readonly Layer[] =>
  diceOf(chain)
    .flatMap(({content, certificate}) =>
      content.kind === 'tcb-info' ? content.infos.map(info => ({...info, certificate})) : [],
    )
    .map((info, i) => ({...info, name: info.layer ?? i}))

const NO_LAYERS = skip('abs', 'the certificates describe no DICE layer')

/** Does the reference speak for the layer? What it leaves open holds for any. */
const isFor = ({layer, index}: FirmwareReference, info: Pick<TcbInfo, 'layer' | 'index'>): boolean =>
  (layer === null || layer === info.layer) && (index === null || index === (info.index ?? 0))

const parse = aboutChain((chain, {references}) => {
  const found = diceOf(chain)
  if (found.every(({content}) => content.kind === 'other'))
    return skip('abs', 'the certificates have no DICE extension about their firmware')
  const unknown = found.flatMap(({oid, content, certificate}) =>
    content.kind === 'not-understood'
      ? [{code: 'syntax', message: `certificate ${certificate}, ${oid}: ${printable(content.why, 120)}`}]
      : [],
  )
  // what is not read matters where somebody would compare it
  const firmware = references.status === 'usable' ? references.firmware : []
  const needed = layersOf(chain).flatMap(layer =>
    layer.unparsed.length > 0 && firmware.some(reference => reference.registers === true && isFor(reference, layer))
      ? [{code: 'unparsed', message: `layer ${layer.name} has fields that the reference values are about`}]
      : [],
  )
  return failIfAny([...unknown, ...needed])
})

const NAMED_FLAGS = ['notConfigured', 'notSecure', 'recovery', 'debug'] as const
type FlagKey = (typeof NAMED_FLAGS)[number] | 'other'

/** Key of the rule that a flag falls under. */
const keyOf = (flag: string): FlagKey => NAMED_FLAGS.find(name => name === flag) ?? 'other'

const flags = aboutChain((chain, {rule}) => {
  const layers = layersOf(chain)
  if (layers.length === 0) return NO_LAYERS
  const stated = layers.filter(layer => layer.flags !== undefined)
  if (stated.length === 0) return skip('abs', 'no DICE layer states flags')
  const set = stated.flatMap(layer => layer.flags!.map(flag => ({flag, key: keyOf(flag), layer: layer.name})))
  const denied = set.filter(({key}) => rule.dice.flags?.[key] !== 'allow')
  const [allowed] = set
  if (denied.length > 0)
    return failIfAny(denied.map(({flag, layer}) => ({code: flag, message: `${flag} set in layer ${layer}`})))
  return allowed === undefined
    ? pass()
    : relaxed(`dice.flags.${allowed.key}: allow`, `${allowed.flag} set in layer ${allowed.layer}`)
})

interface Stated extends Pick<TcbInfo, 'layer' | 'index'> {
  readonly fwid: Fwid
  readonly where: string
}

/** Firmware ids of all layers, and of the composite id that older devices have instead. */
const firmwareIds = (chain: readonly CertificateFacts[]): readonly Stated[] => [
  ...layersOf(chain).flatMap(({fwids, layer, index, name}) =>
    fwids.map(fwid => ({fwid, layer, index, where: `layer ${name}`})),
  ),
  ...diceOf(chain).flatMap(({content, certificate}) =>
    content.kind === 'composite-device-id'
      ? [{fwid: content.fwid, layer: undefined, index: undefined, where: `certificate ${certificate}`}]
      : [],
  ),
]

const SHOWN_DIGITS = 12

const fwid = aboutChain((chain, {references}) => {
  const stated = firmwareIds(chain)
  if (stated.length === 0) return skip('abs', 'the certificates state no firmware id')
  if (references.status === 'unusable') return blocked('spdm.meas.reference')
  const firmware = references.status === 'usable' ? references.firmware : []
  if (firmware.length === 0) return skip('abs', 'there are no reference values for firmware ids')
  const unknown = stated.filter(({fwid: {hash, digest, allZero}, ...info}) => {
    const name = `${hash}:${toHex(digest)}`
    // a reference that approves more than is read here approves nothing
    const approving = firmware.filter(reference => reference.registers !== true && isFor(reference, info))
    return allZero || !approving.some(({digests}) => digests.includes(name))
  })
  return failIfAny(
    unknown.map(({fwid: {hash, digest, allZero}, where}) => ({
      code: allZero ? 'zero' : 'unknown',
      message: allZero ? `all zero in ${where}` : `${hash}:${toHex(digest).slice(0, SHOWN_DIGITS)}... in ${where}`,
    })),
  )
})

type DiceFloor = Pin['floor']['dice'][number]

/** Layers whose version is below one that was accepted, or no longer stated. */
function fallen(layers: readonly Layer[], accepted: readonly DiceFloor[]): Answer[] {
  return accepted.flatMap(({layer, svn: least}) => {
    const stated = layers.flatMap(info => (info.name === layer && info.svn !== undefined ? [info.svn] : []))
    // of several parts of one layer the least counts, as where it was remembered
    if (stated.length > 0 && stated.every(now => now >= BigInt(least))) return []
    const got = stated.length === 0 ? 'none' : stated.join(' and ')
    return [
      fail('rollback', `${got} in layer ${layer}`, {expected: `at least ${printable(least)}, as accepted before`}),
    ]
  })
}

const svn = aboutChain((chain, {rule, pin}) => {
  const layers = layersOf(chain)
  const accepted = pin?.floor.dice ?? []
  const {minSvn} = rule.dice
  const low = layers.find(({svn: stated}) => stated !== undefined && minSvn !== undefined && stated < BigInt(minSvn))
  if (low !== undefined) return fail('below', `${low.svn!} in layer ${low.name}`, {expected: `at least ${minSvn!}`})
  const [lower] = fallen(layers, accepted)
  if (lower !== undefined) return lower
  if (layers.length === 0) return NO_LAYERS
  const silent = layers.find(layer => layer.svn === undefined)
  if (silent !== undefined) return skip('abs', `DICE layer ${silent.name} states no svn`)
  if (minSvn === undefined && accepted.length === 0)
    return skip('abs', 'the rule names no minimum, and the device was not accepted before')
  return pass(`svn ${layers.map(layer => layer.svn).join(', ')}`)
})

/** Flags that say the same as a bit of the device mode (DSP0274 1.3 §10.11.1.2). */
const SAME: readonly {
  readonly flag: string
  readonly measured: (mode: NonNullable<BlockFacts['deviceMode']>) => boolean
}[] = [
  {flag: 'recovery', measured: mode => mode.recoveryMode},
  {flag: 'debug', measured: mode => mode.nonInvasiveDebug || mode.invasiveDebug},
]

/** Certificate and device mode that say the opposite of each other. */
function contradictions(layers: readonly Layer[], blocks: readonly BlockFacts[]) {
  const mode = blocks.find(({deviceMode}) => deviceMode !== undefined)?.deviceMode
  if (mode === undefined || layers.every(layer => layer.flags === undefined)) return []
  return SAME.flatMap(({flag, measured}) => {
    const certified = layers.some(layer => layer.flags?.includes(flag))
    if (certified === measured(mode)) return []
    const [yes, no] = certified ? ['certificate', 'device mode'] : ['device mode', 'certificate']
    return [{code: flag, message: `the ${yes} says ${flag}, the ${no} does not`}]
  })
}

/** Value types that hold digests of code. */
const CODE: readonly (string | undefined)[] = ['rom', 'firmware']

/** Fact of a vendor's adapter: the firmware id that the device signed with its measurements. */
const SIGNED_FWID = 'opaque.fwid'

const consistent = aboutChain((chain, {facts}) => {
  const blocks = known(facts.measurements)?.blocks ?? []
  const opposite = contradictions(layersOf(chain), blocks)
  if (opposite.length > 0) return failIfAny(opposite)
  const ids = firmwareIds(chain).filter(({fwid: {allZero}}) => !allZero)
  if (ids.length === 0) return skip('abs', 'the certificates state no firmware id')
  const signed = known(facts.opaque)?.facts.get(SIGNED_FWID)
  if (signed !== undefined)
    return ids.some(({fwid: {digest}}) => toHex(digest) === signed)
      ? pass('the firmware id in the certificate is the one signed with the measurements')
      : fail('fwid', `signed with the measurements is ${printable(signed, SHOWN_DIGITS)}, in no certificate`)
  const code = blocks.filter(({raw, typeName}) => !raw && CODE.includes(typeName))
  // nothing says which block a firmware id belongs to: only equal values prove something
  return ids.every(({fwid: {digest}}) => code.some(({value}) => equal(value, digest)))
    ? pass('every firmware id is a measured digest')
    : skip('abs', 'nothing maps firmware ids to measurement blocks')
})

export const DICE_CHECKS = {
  'spdm.dice.parse': parse,
  'spdm.dice.flags': flags,
  'spdm.dice.fwid': fwid,
  'spdm.dice.svn': svn,
  'spdm.dice.consistent': consistent,
} satisfies Record<string, Check>
