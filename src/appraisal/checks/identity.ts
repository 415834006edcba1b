/** Who the device is, by its verified certificates. */
import {printable, quoted} from '../../errors.js'
import {type PciFacts, shortDigest} from '../../evidence/index.js'
import type {CertificateFacts, TcbInfo} from '../../spdm/index.js'
import {known} from '../facts.js'
import {pinIdOf} from '../pins/index.js'
import {matchesName} from '../policy/index.js'
import {pinnedCertificate} from './chain.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, failIfAny, pass, relaxed, skip} from './verdict.js'

const about =
  (answer: (chain: readonly CertificateFacts[], context: Context) => Answer): Check =>
  context => {
    const chain = known(context.facts.certificates)
    return chain === undefined ? blocked('spdm.chain.format') : answer(chain, context)
  }

const sanDmtf = about(chain => {
  const {deviceInfoText, deviceInfo} = chain.at(-1)!
  if (deviceInfoText === undefined) return skip('abs', 'the leaf has no DMTF device info')
  if (printable(deviceInfoText, Number.MAX_SAFE_INTEGER) !== deviceInfoText)
    return fail('not-printable', quoted(deviceInfoText))
  return deviceInfo === undefined ? fail('form', quoted(deviceInfoText)) : pass(quoted(deviceInfoText))
})

const digits = (value: string | null | undefined): string => (value ?? '').replace(/^0x/, '').toUpperCase()

/** `Vendor=…:Device=…:CC=…:REV=…[:SSVID=…:SSID=…]` as PCIe r6.x §6.31.3 writes config space into a certificate. */
function claimedName({vendor, device, class: classCode, revision, subsystem}: PciFacts): ReadonlyMap<string, string> {
  const [ssvid, ssid] = subsystem?.split(':') ?? []
  return new Map([
    ['Vendor', digits(vendor)],
    ['Device', digits(device)],
    ['CC', digits(classCode)],
    ['REV', digits(revision)],
    ['SSVID', digits(ssvid)],
    ['SSID', digits(ssid)],
  ])
}

const REQUIRED_IN_NAME = ['Vendor', 'Device', 'CC', 'REV']

/** Members of a CMA name that config space contradicts, or that the name lacks. */
function contradictions(name: string, pci: PciFacts): readonly string[] {
  const claimed = claimedName(pci)
  const parts = name.split(':').map(part => part.split('=') as [string, string?])
  const members = new Map(parts.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])))
  const missing = REQUIRED_IN_NAME.filter(key => !members.has(key))
  const wrong = [...members].filter(([key, value]) => claimed.has(key) && claimed.get(key) !== value.toUpperCase())
  return [...missing.map(key => `${key} missing`), ...wrong.map(([key]) => `${key}=${claimed.get(key)!}`)]
}

const sanCma = about((chain, {facts}) => {
  const {cmaName} = chain.at(-1)!
  if (cmaName === undefined) return skip('abs', 'the leaf has no PCI-SIG name')
  const pci = known(facts.pci)
  if (pci === undefined) return fail('unknown', 'nothing', {expected: quoted(cmaName)})
  const wrong = contradictions(cmaName, pci)
  return wrong.length === 0 ? pass(quoted(cmaName)) : fail('differs', wrong.join(', '), {expected: quoted(cmaName)})
})

const pciMatch = about((_, {result}) =>
  result('spdm.id.san-cma').result === 'pass'
    ? pass('the certificate names the PCI ids itself')
    : skip('abs', 'nothing maps the certificate name to a vendor and device id'),
)

const pinned = about((chain, context) => {
  const {rule} = context
  const {mode, allow = [], pin = 'device-cert'} = rule.identity
  if (mode === 'any-from-anchor') return skip('na', 'the rule admits every device of its anchors')
  if (mode !== 'allowlist') return pinnedHere(chain, context)
  const certificate = pinnedCertificate(chain, pin)
  const name = chain.at(-1)!.deviceInfo?.text
  const found = allow.find(
    ({certSha384, spkiSha384, san}) =>
      (certSha384 === undefined || certSha384 === `sha384:${certificate.sha384}`) &&
      (spkiSha384 === undefined || spkiSha384 === `sha384:${certificate.spkiSha384}`) &&
      (san === undefined || (name !== undefined && matchesName(name, san))),
  )
  if (found !== undefined) return pass(found.label === undefined ? undefined : quoted(found.label))
  return fail(
    'unknown',
    `${name === undefined ? 'unnamed' : quoted(name)}, certificate ${certificate.sha384.slice(0, 12)}`,
  )
})

const idText = (san: string | null | undefined, pinId: string): string =>
  `${san === null || san === undefined ? 'unnamed' : quoted(san)}, ${shortDigest(pinId)}`

/** Against the devices that this machine remembers, one of which a host may have exchanged. */
function pinnedHere(chain: readonly CertificateFacts[], {rule, pin, facts, circumstances}: Context): Answer {
  const {mode, pin: kind = 'device-cert'} = rule.identity
  if (circumstances.pins === undefined) return fail('no-pins', 'the pins of this machine are not at hand')
  const pinId = pinIdOf(chain, kind)
  if (pinId === undefined) return fail('unnamed', 'the certificate has no name that could be pinned')
  const own = idText(chain.at(-1)!.deviceInfo?.text, pinId)
  if (pin !== undefined && (mode === 'tofu' || pin.mode === 'manual'))
    return pass(`${own}, ${pin.mode === 'manual' ? 'enrolled' : 'known'} since ${pin.firstSeen}`)
  if (pin !== undefined) return fail('not-enrolled', `${own} was accepted before, but nobody enrolled it`)
  const {bdf} = facts.bundle.manifest.device
  const there = bdf === null ? undefined : circumstances.pins.at(bdf)
  if (there !== undefined) return fail('other', own, {expected: `was ${idText(there.san, there.pinId)}`})
  return mode === 'tofu'
    ? relaxed('identity.mode: tofu', `first use: ${own} was never accepted on this machine`)
    : fail('not-enrolled', `${own} is not enrolled`)
}

const diceOf = (chain: readonly CertificateFacts[]) =>
  chain.flatMap(({dice}, certificate) => dice.map(extension => ({...extension, certificate})))

const layersOf = (chain: readonly CertificateFacts[]): TcbInfo[] =>
  diceOf(chain).flatMap(({content}) => (content.kind === 'tcb-info' ? content.infos : []))

const NO_DICE = skip('abs', 'the certificates have no DICE extension')
const NO_LAYERS = skip('abs', 'the certificates describe no DICE layer')

const diceParse = about(chain => {
  const found = diceOf(chain)
  if (found.length === 0) return NO_DICE
  return failIfAny(
    found.flatMap(({oid, content, certificate}) =>
      content.kind === 'not-understood'
        ? [{code: 'syntax', message: `certificate ${certificate}, ${oid}: ${printable(content.why, 120)}`}]
        : [],
    ),
  )
})

const NAMED_FLAGS = ['notConfigured', 'notSecure', 'recovery', 'debug']

const diceFlags = about((chain, {rule}) => {
  const layers = layersOf(chain)
  if (layers.every(({flags}) => flags === undefined)) return layers.length === 0 ? NO_LAYERS : NO_FLAGS
  const allowed: Readonly<Record<string, string | undefined>> = rule.dice.flags ?? {}
  return failIfAny(
    layers.flatMap(({flags = [], layer}, i) =>
      flags
        .filter(flag => allowed[NAMED_FLAGS.includes(flag) ? flag : 'other'] !== 'allow')
        .map(flag => ({code: flag, message: `${flag} set in layer ${layer ?? i}`})),
    ),
  )
})
const NO_FLAGS = skip('abs', 'no DICE layer states flags')

const diceFwid = about(chain => {
  const layers = layersOf(chain)
  if (layers.length === 0) return NO_LAYERS
  return skip('abs', 'this version has no reference values for firmware ids')
})

const diceSvn = about((chain, {rule}) => {
  const {minSvn} = rule.dice
  const stated = layersOf(chain).flatMap(({svn}) => svn ?? [])
  if (stated.length === 0 || minSvn === undefined)
    return skip('abs', stated.length === 0 ? 'no DICE layer states an svn' : 'the rule names no minimum')
  const low = stated.find(svn => svn < BigInt(minSvn))
  return low === undefined ? pass() : fail('below', String(low), {expected: `at least ${minSvn}`})
})

const diceConsistent: Check = () => skip('abs', 'nothing maps firmware ids to measurement blocks')

export const IDENTITY_CHECKS = {
  'spdm.id.san-dmtf': sanDmtf,
  'spdm.id.san-cma': sanCma,
  'spdm.id.pci-match': pciMatch,
  'spdm.id.pinned': pinned,
  'spdm.dice.parse': diceParse,
  'spdm.dice.flags': diceFlags,
  'spdm.dice.fwid': diceFwid,
  'spdm.dice.svn': diceSvn,
  'spdm.dice.consistent': diceConsistent,
} satisfies Record<string, Check>
