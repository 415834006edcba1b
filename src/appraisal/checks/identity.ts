/** Whether the device is one the rule names. */
import {quoted} from '../../errors.js'
import {shortDigest} from '../../evidence/index.js'
import type {CertificateFacts} from '../../spdm/index.js'
import {holdsFor, pinIdOf} from '../pins/index.js'
import {matchesName} from '../policy/index.js'
import {aboutChain} from './about-chain.js'
import {pinnedCertificate} from './chain.js'
import type {Check, Context} from './context.js'
import {type Answer, fail, pass, relaxed, skip} from './verdict.js'

const pinned = aboutChain((chain, context) => {
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
  if (pin !== undefined && holdsFor(mode, pin))
    return pass(`${own}, ${pin.mode === 'manual' ? 'enrolled' : 'known'} since ${pin.firstSeen}`)
  if (pin !== undefined) return fail('not-enrolled', `${own} was accepted before, but nobody enrolled it`)
  const {bdf} = facts.bundle.manifest.device
  const there = bdf === null ? undefined : circumstances.pins.at(bdf)
  if (there !== undefined) return fail('other', own, {expected: `was ${idText(there.san, there.pinId)}`})
  return mode === 'tofu'
    ? relaxed('identity.mode: tofu', `first use: ${own} was never accepted on this machine`)
    : fail('not-enrolled', `${own} is not enrolled`)
}

export const IDENTITY_CHECKS = {'spdm.id.pinned': pinned} satisfies Record<string, Check>
