/** Differences as a property: whatever happens, what is told leads from the first look to the last, and nothing twice. */
import fc from 'fast-check'
import {expect, it} from 'vitest'
import {known, unknown} from '../../../src/known.js'
import {
  type AnyWatched,
  differences,
  type Fact,
  type FactName,
  FUNCTION_FACTS,
  isSame,
  NOTHING,
  type Snapshot,
  type Transition,
  TSM_FACTS,
} from '../../../src/operations/watch/differences.js'

const fact = fc.oneof(
  fc.constantFrom(null, 'CONFIG_UNLOCKED', 'RUN', 'tsm0').map((value): Fact => known(value)),
  fc.constantFrom('EIO', 'EBUSY').map((reason): Fact => unknown(reason)),
)
const watched = (names: readonly FactName[]) =>
  fc.record({incarnation: fc.nat(2), facts: fc.tuple(...names.map(() => fact))}).map(({incarnation, facts}) => ({
    incarnation,
    facts: Object.fromEntries(names.map((name, index) => [name, facts[index]!])),
  }))
const mapOf = (keys: readonly string[], names: readonly FactName[]) =>
  fc.dictionary(fc.constantFrom(...keys), watched(names)).map(entries => new Map(Object.entries(entries)))
const snapshot = fc.record({
  tsms: mapOf(['tsm0', 'tsm1', 'tsm10'], TSM_FACTS),
  functions: mapOf(['0000:00:01.0', '0000:01:00.0', '10000:01:00.0'], FUNCTION_FACTS),
}) as unknown as fc.Arbitrary<Snapshot>

/** A machine as somebody knows it who only hears transitions. */
type Heard = Map<string, Map<string, Fact>>
const factsOf = ({facts}: AnyWatched) => new Map(Object.entries(facts))
const heardOf = ({tsms, functions}: Snapshot): Heard =>
  new Map([...tsms, ...functions].map(([name, now]): [string, Map<string, Fact>] => [name, factsOf(now)]))

function hear(heard: Heard, {name, change}: Transition): void {
  if (change.what === 'gone') {
    expect(heard.delete(name)).toBe(true)
  } else if (change.what === 'appeared') {
    expect(heard.has(name)).toBe(false)
    heard.set(name, factsOf(change.now))
  } else {
    // it starts from what was told before, and says something new
    expect(isSame(heard.get(name)!.get(change.what)!, change.from)).toBe(true)
    expect(isSame(change.from, change.to)).toBe(false)
    heard.get(name)!.set(change.what, change.to)
  }
}

const plain = (heard: Heard): unknown =>
  [...heard]
    .map(([name, facts]) => [name, [...facts].map(([key, value]) => [key, value.known ? value.value : '?'])] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))

it('leads from the first look to the last, each step once', () => {
  fc.assert(
    fc.property(fc.array(snapshot, {minLength: 1, maxLength: 6}), looks => {
      const heard = heardOf(NOTHING)
      let before = NOTHING
      for (const now of looks) {
        for (const transition of differences(before, now)) hear(heard, transition)
        expect(differences(now, now)).toEqual([])
        before = now
      }
      expect(plain(heard)).toEqual(plain(heardOf(before)))
    }),
    {numRuns: 120},
  )
})

const factsWith = (state: Fact): AnyWatched['facts'] =>
  Object.fromEntries(FUNCTION_FACTS.map(name => [name, name === 'state' ? state : known(null)]))
const machine = (entries: Record<string, AnyWatched>): Snapshot =>
  ({tsms: new Map(), functions: new Map(Object.entries(entries))}) as unknown as Snapshot
const said = (a: Snapshot, b: Snapshot) => differences(a, b).map(({name, change: {what}}) => `${name} ${what}`)

it('knows unknown from absent, and one reason for not knowing is as good as another', () => {
  const unread = machine({a: {incarnation: 0, facts: factsWith(unknown('EIO'))}})
  const busy = machine({a: {incarnation: 0, facts: factsWith(unknown('EBUSY'))}})
  const none = machine({a: {incarnation: 0, facts: factsWith(known(null))}})
  expect(said(unread, busy)).toEqual([])
  expect(said(unread, none)).toEqual(['a state'])
  expect(said(none, unread)).toEqual(['a state'])
})

it('tells what has the same name and is another as gone and come', () => {
  const before = machine({a: {incarnation: 0, facts: factsWith(known('RUN'))}})
  const after = machine({a: {incarnation: 1, facts: factsWith(known('RUN'))}})
  expect(said(before, after)).toEqual(['a gone', 'a appeared'])
})

it('tells in the order of BDFs, wide domains last', () => {
  const each = {incarnation: 0, facts: factsWith(known(null))}
  const wide = machine({'10000:01:00.0': each, '0000:02:00.0': each, '0000:01:00.0': each})
  expect(said(NOTHING, wide)).toEqual(['0000:01:00.0 appeared', '0000:02:00.0 appeared', '10000:01:00.0 appeared'])
})
