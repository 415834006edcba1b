/** Streams of the kernel by the functions at their ends. */
import type {HostBridge} from '../pci/index.js'
import {type Known, known, valueOf} from '../known.js'

/**
 * Names of the stream links that end at each function: the endpoint, and the root port above it. `rootPortOf` gives
 * undefined where there is none. Unknown when a host bridge could not be listed.
 */
export function streamsByFunction(
  bridges: readonly HostBridge[],
  rootPortOf: (endpoint: string) => string | undefined,
): (bridge: string | undefined, bdf: string) => Known<readonly string[]> {
  const names = new Map<string, string[]>()
  const add = (bdf: string | undefined, name: string): void => {
    if (bdf === undefined) return
    const before = names.get(bdf)
    if (before === undefined) names.set(bdf, [name])
    else before.push(name)
  }
  for (const {streams} of bridges)
    for (const {name, endpoint} of valueOf(streams) ?? []) {
      const bdf = valueOf(endpoint)
      add(bdf, name)
      if (bdf !== undefined) add(rootPortOf(bdf), name)
    }
  const unlisted = new Map(bridges.flatMap(({name, streams}) => (streams.known ? [] : [[name, streams] as const])))
  return (bridge, bdf) => unlisted.get(bridge ?? '') ?? known(names.get(bdf) ?? [])
}
