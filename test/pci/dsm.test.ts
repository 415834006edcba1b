import {describe, expect, it} from 'vitest'
import {known, unknown} from '../../src/known.js'
import {type DsmFunction, PORT_TYPE, predictDsm} from '../../src/pci/index.js'

const {endpoint, legacyEndpoint, rootPort, upstreamPort, downstreamPort, rcIntegratedEndpoint} = PORT_TYPE
const ROOT = '0000:00:01.0'
const UP = '0000:01:00.0'
const DOWN = '0000:02:00.0'

const fn = (bdf: string, portType: number | undefined, more: Partial<DsmFunction> = {}): DsmFunction => ({
  bdf,
  ports: [ROOT],
  physfn: known(undefined),
  portType: known(portType),
  teeIo: known(false),
  ide: known(false),
  ...more,
})
const TEE = {teeIo: known(true)}
const IDE = {ide: known(true)}
const vfOf = (pf: string) => ({physfn: known(pf)})
const behindSwitch = {ports: [ROOT, UP, DOWN]}

/** What is predicted for the first of `functions`. */
function predicted(...functions: readonly DsmFunction[]) {
  const found = predictDsm(functions[0]!, bdf => functions.find(other => other.bdf === bdf))
  return found.known ? found.value.dsm : found
}

describe('the DSM by topology', () => {
  it.each([
    ['an endpoint with TEE-IO is its own', [fn('0000:05:00.0', endpoint, TEE)], '0000:05:00.0'],
    ['an endpoint with IDE is its own', [fn('0000:05:00.0', endpoint, IDE)], '0000:05:00.0'],
    ['so is an RCiEP', [fn('0000:00:05.0', rcIntegratedEndpoint, {...TEE, ports: []})], '0000:00:05.0'],
    ['and an upstream port', [fn(UP, upstreamPort, TEE)], UP],
    ['an endpoint with neither has none', [fn('0000:05:00.0', endpoint)], null],
    ['a legacy endpoint never has one', [fn('0000:05:00.0', legacyEndpoint, {...TEE, ...IDE})], null],
    ['nor has a root port', [fn(ROOT, rootPort, {...TEE, ...IDE, ports: []})], null],
    ['nor a conventional function', [fn('0000:05:00.0', undefined)], null],
    [
      'function 3 belongs to function 0, whatever it has itself',
      [fn('0000:05:00.3', endpoint, {...TEE, ...IDE}), fn('0000:05:00.0', endpoint, IDE)],
      '0000:05:00.0',
    ],
    ['function 3 without a function 0 has none', [fn('0000:05:00.3', endpoint, TEE)], null],
    [
      'a VF belongs to function 0 of the slot of its PF, not to its own slot',
      [
        fn('0000:05:01.0', endpoint, {...TEE, ...vfOf('0000:05:00.1')}),
        fn('0000:05:00.1', endpoint, TEE),
        fn('0000:05:00.0', endpoint, TEE),
      ],
      '0000:05:00.0',
    ],
    [
      'an endpoint behind one switch belongs to its upstream port',
      [fn('0000:03:00.0', endpoint, behindSwitch), fn(UP, upstreamPort, TEE), fn(DOWN, downstreamPort)],
      UP,
    ],
    [
      'behind two switches only the nearer one counts',
      [
        fn('0000:05:00.0', endpoint, {ports: [ROOT, UP, DOWN, '0000:03:00.0', '0000:04:00.0']}),
        fn(UP, upstreamPort, TEE),
        fn('0000:03:00.0', upstreamPort),
      ],
      null,
    ],
    [
      'a TEE-IO root port two levels up is no upstream port',
      [fn(DOWN, downstreamPort, {ports: [ROOT, UP]}), fn(ROOT, rootPort, TEE)],
      null,
    ],
  ] as const)('%s', (_, functions, dsm) => expect(predicted(...functions)).toBe(dsm))

  it('is unknown for the reason of the fact that decides, and known when that fact is not needed', () => {
    const hidden = unknown('only 64 bytes')
    expect(predicted(fn('0000:05:00.0', endpoint, {portType: hidden}))).toEqual(hidden)
    expect(predicted(fn('0000:05:00.0', endpoint, {physfn: hidden}))).toEqual(hidden)
    expect(predicted(fn('0000:05:00.0', endpoint, {ide: hidden}))).toEqual(hidden)
    expect(predicted(fn('0000:05:00.0', endpoint, {...TEE, ide: hidden}))).toBe('0000:05:00.0')
    expect(predicted(fn('0000:05:00.1', endpoint), fn('0000:05:00.0', endpoint, {teeIo: hidden}))).toEqual(hidden)
    expect(predicted(fn('0000:05:00.1', endpoint, {portType: hidden}), fn('0000:05:00.0', endpoint, TEE))).toBe(
      '0000:05:00.0',
    )
  })
})
