/** Who has to say what about the link, under which word of the rule; and what stays unproven where nobody does. */
import {describe, expect, it} from 'vitest'
import {reviewBlocks} from '../../src/appraisal/index.js'
import {type Bundle, encodeFacts, IDE_ERRATA, type IdeFacts, type TsmFacts} from '../../src/evidence/index.js'
import {type Base, FLAGS, G1, G4, G5, LINK, REGISTERS, SESSION, streamWith} from './bases/index.js'
import {type Forgery, policyFrom, ruleWith} from './forge.js'
import {judge} from './guest.js'

const BAD: TsmFacts['link'] = {...LINK, secure: false}
const registers = (change: Partial<IdeFacts> = {}): Forgery => ({
  objects: {ide: encodeFacts({...REGISTERS, ...change})},
  digests: {ide: undefined},
})
const both = (...parts: readonly Forgery[]): Forgery => Object.assign({}, ...parts) as Forgery

const outcome = async (base: Base, id: string, forgery: Forgery, tsm: object, extra: object = {}): Promise<string> =>
  outcomeOf(await base.forge(forgery), base, id, {tsm, ...extra})

async function outcomeOf(bundle: Bundle, {circumstances}: Base, id: string, rule: object): Promise<string> {
  const {results} = await judge(bundle, policyFrom(ruleWith({allowSkip: [], ...rule})), circumstances)
  const {result, code, word, blocking} = results.find(item => item.id === id)!
  return `${result === 'skip' || result === 'fail' ? code : result}${word === 'RELAXED' ? ' relaxed' : blocking ? ' blocking' : ''}`
}

const RULES = ['require', 'tsm-asserted', 'not-required'] as const

describe('whether the link is secure', () => {
  it.each<[string, Base, Forgery, readonly string[]]>([
    ['nobody says in a guest', G1, {}, ['skip:tsm blocking', 'skip:tsm blocking', 'skip:tsm relaxed']],
    ['the TSM says in a guest', G1, {tsm: {link: LINK}}, ['skip:tsm blocking', 'pass', 'pass']],
    ['only its host shows a guest', G1, registers(), ['skip:tsm blocking', 'skip:tsm blocking', 'skip:tsm relaxed']],
    ['both say in a guest', G1, both(registers(), {tsm: {link: LINK}}), ['pass', 'pass', 'pass']],
    ['the TSM denies in a guest', G1, {tsm: {link: BAD}}, ['asserted blocking', 'asserted blocking', 'pass relaxed']],
    [
      'even its host denies in a guest',
      G1,
      both(streamWith({}, {state: 'insecure'}), {tsm: {link: LINK}}),
      ['state blocking', 'state blocking', 'pass relaxed'],
    ],
    ['registers show on a host', G5, {}, ['pass', 'pass', 'pass']],
    [
      'only the TSM says on a host',
      G5,
      both(registers({unread: ['closed']}), {tsm: {link: LINK}}),
      ['skip:tsm blocking', 'pass', 'pass'],
    ],
    [
      'registers cannot be read on a host',
      G5,
      registers({unread: ['closed']}),
      ['skip:tsm blocking', 'skip:tsm blocking', 'skip:tsm relaxed'],
    ],
    ['there is no stream on a host', G5, registers({streams: []}), ['none blocking', 'none blocking', 'pass relaxed']],
    [
      'there is no link on a host',
      G5,
      registers({integrated: true, rootPort: null, streams: []}),
      ['skip:na', 'skip:na', 'skip:na'],
    ],
  ])('%s', async (_, base, forgery, expected) => {
    const bundle = await base.forge(forgery)
    const found = RULES.map(ide => outcomeOf(bundle, base, 'ide.stream.secure', {tsm: {ide, ideErrata: 'ignore'}}))
    expect(await Promise.all(found)).toEqual(expected)
  })

  it('of keys no register tells: the TSM’s word is enough, whatever the rule says', async () => {
    for (const ide of ['require', 'tsm-asserted']) expect(await outcome(G4, 'ide.keys.session', {}, {ide})).toBe('pass')
    expect(await outcome(G5, 'ide.keys.session', {}, {ide: 'require'})).toBe('skip:tsm blocking')
  })

  it('is not asked of an object that does not decode', async () => {
    const objects = {ide: new Uint8Array([1])}
    expect(await outcome(G1, 'ide.stream.secure', {objects, digests: {ide: undefined}}, {})).toBe('malformed blocking')
    expect(await outcome(G5, 'ide.topology', {objects, digests: {ide: undefined}}, {})).toBe('malformed blocking')
  })
})

const linesOf = async (base: Base): Promise<ReadonlyMap<string | null, string>> => {
  const bundle = await base.forge()
  const appraisal = await judge(bundle, policyFrom(base.document), base.circumstances)
  const block = reviewBlocks(appraisal).others.find(({id}) => id === 'link')!
  return new Map(block.rows.map(({name, text}) => [name, text]))
}

describe('a review of the link', () => {
  it('says whose word each statement is', async () => {
    const [guest, host] = [await linesOf(G4), await linesOf(G5)]
    expect(guest.get('ide.stream.secure')).toBe('TSM-asserted')
    expect(guest.get('tsm.session.bound')).toMatch(/^TSM-asserted: /)
    expect(guest.get('tsm.platform.attested')).toMatch(/^relying party: /)
    expect(host.get('ide.stream.secure')).toBe('read')
    expect(host.get('ide.topology')).toMatch(/^read: /)
    expect([...host.values()].filter(text => text.includes('TSM-asserted'))).toEqual([])
  })
})

const CORRECTED = {platform: [...IDE_ERRATA], device: [...IDE_ERRATA]}
const declared = (device: readonly (typeof IDE_ERRATA)[number][]): Forgery => ({
  tsm: {link: {errata: {platform: [...IDE_ERRATA], device: [...device]}}},
})

describe('the IDE errata', () => {
  it.each<[string, Base, Forgery, string, string]>([
    ['corrected in platform and device', G1, declared(IDE_ERRATA), 'require-fixed', 'pass'],
    ['corrected in the platform alone', G1, declared([]), 'require-fixed', 'uncorrected blocking'],
    ['declared by the host to its guest', G1, registers({errata: CORRECTED}), 'require-fixed', 'undeclared blocking'],
    ['corrected, and the rule asks for no switch', G1, declared(IDE_ERRATA), 'no-switch', 'pass'],
    ['declared on the host', G5, registers({errata: CORRECTED}), 'require-fixed', 'pass'],
    ['without a switch', G5, {}, 'no-switch', 'pass'],
    ['with a switch', G5, registers({switches: ['0000:02:00.0']}), 'no-switch', 'blocked blocking'],
    ['in a device without IDE', G5, registers({capable: false, streams: []}), 'require-fixed', 'skip:abs blocking'],
    ['of no interest to the rule', G1, {}, 'ignore', 'pass relaxed'],
  ])('%s', async (_, base, forgery, ideErrata, expected) =>
    expect(await outcome(base, 'ide.errata', forgery, {ideErrata})).toBe(expected),
  )
})

describe('what a TSM leaves out', () => {
  it.each<[string, string, Partial<TsmFacts>]>([
    ['bound, and not whether the session lives', 'tsm.session.bound', {session: {bound: true}}],
    ['a session, and not whether the TDI is bound to it', 'tsm.session.bound', {session: {id: '0x5'}}],
    ['a session without its key', 'tsm.session.pubkey', {session: {bound: true}}],
    [
      'a flag that the rule asks for',
      'tsm.lock.flags',
      {lockFlags: {noFwUpdate: true, lockMsix: true, bindP2p: false}},
    ],
    ['the lock, once', 'tsm.lock.epoch', {marks: {lock: {before: null, after: null}}}],
    ['the report, once', 'tsm.report.counter', {marks: {report: {before: null, after: null}}}],
    ['a measurement nonce of before', 'tsm.digest.fresh', {marks: {measurements: {before: null, after: '01'}}}],
    ['an identifier that is nobody’s', 'tdisp.interface.id', {interface: {report: '0x1'}}],
    ['the version alone', 'spdm.vca.match-session', {session: {spdmVersion: '1.2'}}],
    ['the traffic class', 'ide.stream.default', {link: {defaultStream: true}}],
    ['the session of the keys', 'ide.keys.session', {link: {keys: LINK.keys}}],
  ])('%s: %s stays unproven', async (_, id, tsm) => expect(await outcome(G1, id, {tsm}, {})).toBe('skip:tsm blocking'))

  it('is asked of nobody where its object does not decode', async () => {
    const {results} = await judge(await G4.forge({tsm: {session: {...SESSION, slot: 9}}}), policyFrom(G4.document))
    const byId = new Map(results.map(item => [item.id, item]))
    expect(byId.get('tsm.digest.algo')).toMatchObject({result: 'fail', code: 'malformed', blocking: true})
    for (const id of ['tsm.session.bound', 'tsm.lock.flags', 'tdisp.interface.id', 'ide.stream.secure'])
      expect(byId.get(id)).toMatchObject({result: 'blocked', blockedBy: 'tsm.digest.algo'})
  })

  it('lock flags are held to what the rule allows', async () => {
    const tsm = {lockFlags: {...FLAGS, bindP2p: true, allRequestRedirect: false}}
    expect(await outcome(G1, 'tsm.lock.flags', {tsm}, {}, {tdisp: {bindP2p: 'allow'}})).toBe('pass')
    expect(await outcome(G1, 'tsm.lock.flags', {tsm}, {})).toBe('rule blocking')
  })
})
