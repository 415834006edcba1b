/** That this machine's own TSM is the one it says it is: the ground under everything the TSM states. */
import {fromHex, toHex} from '../../bits/index.js'
import {platformBinding} from '../../evidence/index.js'
import {quoted} from '../../errors.js'
import type {Check, Context, PlatformVerdict} from './context.js'
import {type Answer, fail, pass, relaxed, skip} from './verdict.js'

const MOST_SKEW_SECONDS = 60

/**
 * A verdict counts if it is about a report that was bound to this evidence: whoever asked for it had D. So the report
 * cannot be inside the evidence, and one that is there proves nothing.
 */
function judge(verdict: PlatformVerdict, {facts, circumstances, rule}: Context): Answer {
  const {manifest, digest} = facts.bundle
  // the relying party's nonce of the collection, or none: D carries a nonce of its own
  const nonces = [fromHex(manifest.nonce?.relyingPartyNonce ?? ''), new Uint8Array()]
  if (!nonces.some(nonce => verdict.bindings.includes(toHex(platformBinding(digest, nonce)))))
    return fail('binding', 'the verdict is about a report that is not bound to this evidence')
  if (verdict.status !== 'affirming') return fail('status', `the verifier says ${verdict.status}`)
  const issued = verdict.issuedAt.getTime()
  const age = (circumstances.now.getTime() - issued) / 1000
  if (Number.isNaN(age) || age < -MOST_SKEW_SECONDS) return fail('future', 'the verdict is of the future')
  if (issued + MOST_SKEW_SECONDS * 1000 < Date.parse(manifest.collectedAt))
    return fail('before', 'the verdict is older than the evidence')
  if (verdict.expires !== undefined && circumstances.now > verdict.expires)
    return fail('expired', 'the verdict has expired')
  if (age > rule.maxEvidenceAgeSeconds + MOST_SKEW_SECONDS) return fail('old', `the verdict is ${Math.ceil(age)} s old`)
  return pass(`affirmed by ${quoted(verdict.verifier)}`)
}

const attested: Check = context => {
  const {platformAttestation} = context.rule.tsm
  const {platform} = context.circumstances
  const relief = platformAttestation === 'require' ? undefined : `tsm.platformAttestation: ${platformAttestation}`
  if (platform === undefined)
    return skip(
      'off',
      context.facts.bundle.objects.has('platform')
        ? 'a platform report is no verdict: a relying party verifies it'
        : 'no relying party said anything about this machine',
      relief,
    )
  const answer = judge(platform, context)
  return answer.result === 'fail' && platformAttestation === 'ignore' ? relaxed(relief!, answer.got) : answer
}

export const PLATFORM_CHECKS = {'tsm.platform.attested': attested} satisfies Record<string, Check>
