/**
 * Whatever a certificate says about its device (N123): every view, every line of the log and every document of it is
 * printable ASCII, and no longer than a person can read.
 */
import {describe, expect, it} from 'vitest'
import {
  AUDIT_FILE,
  type Appraisal,
  earOf,
  openAudit,
  renderAppraisal,
  renderChecks,
  reasonsOf,
  reasonText,
  verifyAuditChain,
} from '../../src/appraisal/index.js'
import {envelope, envelopeText, errorText} from '../../src/cli/envelope.js'
import {admitText, verdictOutcome} from '../../src/cli/verdict-output.js'
import type {Bundle} from '../../src/evidence/index.js'
import {auditText} from '../../src/operations/audit.js'
import {detailLines} from '../../src/tui/documents.js'
import {textOf} from '../../src/tui/lines.js'
import {HOSTILE} from '../support/hostile.js'
import {negotiation} from '../../src/sim/responder.js'
import {play} from '../tui/play.js'
import {device} from '../tui/sample.js'
import {auditKernel} from './audit-kernel.js'
import {basic, certificates, chainObject, deviceInfo, forge, policyFrom, ruleWith, Usage, usage} from './forge.js'
import {FACTS, judge} from './guest.js'

const VCA = negotiation()
/** A rule under which a device of any name comes before a person. */
const POLICY = policyFrom(ruleWith({identity: {mode: 'any-from-anchor'}, human: 'typed'}))
const LINES = /^[\x20-\x7e\n]*$/
/** A name may be in a line several times, cut each time, with every character escaped. */
const LONGEST_LINE = 4000

async function judged(name: string): Promise<{readonly bundle: Bundle; readonly appraisal: Appraisal}> {
  const leaf = {
    extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo(name)],
    name: `CN=${safeName(name)}`,
  }
  const bundle = await forge(VCA, FACTS, {chain: chainObject(await certificates({leaf}))})
  return {bundle, appraisal: await judge(bundle, POLICY)}
}

/** What the library that makes the certificate takes as a value of a distinguished name: all but its syntax. */
const safeName = (name: string): string =>
  name
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[,+"\\<>;=#\u0000-\u001f]/g, '_')
    .slice(0, 60)
    .trim() || 'x'

function logOf(bundle: Bundle, appraisal: Appraisal): string {
  const kernel = auditKernel()
  openAudit(kernel).record({event: 'decided', bdf: '0000:01:00.0', bundle, appraisal})
  const bytes = kernel.state.read(AUDIT_FILE)!
  return auditText(verifyAuditChain(bytes))
}

/** What each tab of the cockpit shows. */
function tabs(appraisal: Appraisal): readonly string[] {
  const game = play([device(1)])
    .press('v')
    .send({kind: 'reviewed', bdf: '0000:01:00.0', appraisal})
  return ['', ...'\t\t\t\t'].flatMap(key => detailLines((key === '' ? game : game.press(key)).state).map(textOf))
}

describe.each(Object.entries(HOSTILE))('N123 a device called by %s', (_, name) => {
  it('is shown escaped and bounded wherever it is shown', async () => {
    const {bundle, appraisal} = await judged(name)
    expect(appraisal.results.find(({id}) => id === 'ui.safe-text')?.result).toBe('pass')
    const {data, text, error} = verdictOutcome(appraisal, POLICY, true)
    const admitted = {bdf: '0000:01:00.0', admitted: false, digest: appraisal.D, appraisal} as const
    const after = {bdf: '0000:01:00.0', state: 'CONFIG_LOCKED', lockedBy: name, driver: name, driverOverride: name}
    const views = [
      ...renderAppraisal(appraisal, {all: true}),
      ...renderChecks(appraisal.results),
      ...appraisal.results.map(reasonText),
      text,
      envelopeText(envelope('verify', null, data, [], error)),
      ...(error === undefined ? [] : [errorText(error)]),
      JSON.stringify(earOf(appraisal, {developer: 'd', build: 'b'})),
      JSON.stringify(reasonsOf(appraisal.results)),
      logOf(bundle, appraisal),
      ...tabs(appraisal),
      admitText({...admitted, before: after, after, failure: null} as unknown as Parameters<typeof admitText>[0]),
    ]
    expect(views.join('\n')).toMatch(LINES)
    const lines = views.flatMap(view => view.split('\n')).filter(line => !line.startsWith('{') && !line.startsWith('['))
    expect(Math.max(...lines.map(({length}) => length))).toBeLessThan(LONGEST_LINE)
  })
})
