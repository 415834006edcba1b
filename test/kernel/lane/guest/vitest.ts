/**
 * What specs get as `vitest` in the guest: vitest's own runner and assertions, without its server and workers, whose start
 * takes longer than most specs on an emulated processor.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  getState,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect'
import {getCurrentTest} from '@vitest/runner'

export {afterAll, afterEach, beforeAll, beforeEach, describe, it, onTestFinished, suite, test} from '@vitest/runner'

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)
chai.config.truncateThreshold = 0

// oxlint-disable-next-line typescript/no-explicit-any
const bare: any = (value: unknown, message?: string) => {
  const {assertionCalls} = getState(bare)
  setState({assertionCalls: assertionCalls + 1}, bare)
  const assertion = chai.expect(value, message)
  const current = getCurrentTest()
  // oxlint-disable-next-line typescript/no-explicit-any
  return current === undefined ? assertion : (assertion as any).withTest(current)
}
const parts = globalThis as unknown as Readonly<Record<symbol, object>>
export const expect = Object.assign(bare, chai.expect, parts[ASYMMETRIC_MATCHERS_OBJECT])
Object.defineProperty(globalThis, GLOBAL_EXPECT, {value: expect, writable: true, configurable: true})
setState({assertionCalls: 0}, expect)
// the plugin adds this one, which the types of chai do not know
;(chai.expect as unknown as {extend(target: unknown, matchers: object): void}).extend(expect, customMatchers)
