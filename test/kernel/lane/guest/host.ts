/** The host side in the guest: tsmctl's live kernel, and what a spec must leave behind. */
import {writeFileSync} from 'node:fs'
import {afterAll, afterEach, beforeAll, expect} from 'vitest'
import {TsmctlError} from '../../../../src/errors.js'
import {type Kernel, liveKernel} from '../../../../src/kernel/index.js'
import {
  attribute,
  BRIDGES,
  deviceOf,
  ENDPOINTS,
  freeStreams,
  POOL,
  ROOT_PORTS,
  streamLinks,
  tsmName,
} from './machine.js'
import {blockOf} from './registers.js'

export let kernel: Kernel

/** What a verb threw, or what its result says is wrong. */
export async function failureOf(act: Promise<{readonly failure: TsmctlError | null}>): Promise<TsmctlError> {
  const error = await act.then(
    ({failure}) => failure,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TsmctlError)
  return error as TsmctlError
}

/** Connects by the kernel's own attribute, where tsmctl's connect is not what is looked at. */
export const connectPlainly = (bdf: string): void => writeFileSync(`${deviceOf(bdf)}/tsm/connect`, tsmName())

export function disconnectAll(): void {
  for (const bdf of ENDPOINTS) {
    const tsm = attribute(bdf, 'tsm/connect')
    if (tsm) writeFileSync(`${deviceOf(bdf)}/tsm/disconnect`, tsm)
  }
}

/** What streams of a spec left behind. */
const remains = (pool: number): string[] => [
  ...BRIDGES.flatMap(bridge => [
    ...streamLinks(bridge).map(name => `${bridge}/${name}`),
    ...(freeStreams(bridge) === pool ? [] : [`${bridge} has ${freeStreams(bridge)} of ${pool} streams free`]),
  ]),
  ...[...ROOT_PORTS, ...ENDPOINTS].filter(bdf => blockOf(bdf).enabled).map(bdf => `block 0 of ${bdf} is enabled`),
  ...ENDPOINTS.filter(bdf => attribute(bdf, 'power/control') === null).map(bdf => `${bdf} is gone`),
]

/**
 * A live kernel for the specs of a file. Once their devices are disconnected, each leaves the machine as it found it.
 * `pool`: streams of a host bridge.
 */
export function useHost({pool = POOL}: {readonly pool?: number} = {}): void {
  beforeAll(() => {
    kernel = liveKernel({stateDirectory: '/run/tsmctl-state'})
  })
  afterEach(() => {
    disconnectAll()
    expect(remains(pool)).toEqual([])
  })
  afterAll(() => kernel.close())
}
