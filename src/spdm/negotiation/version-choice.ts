/** The version of a connection: the highest that both sides know (DSP0274 1.3 §10.3). */

/**
 * Highest SPDMVersion of `offered` that is also in `ours`, or undefined when there is none. Update and alpha numbers do
 * not take part.
 */
export function chooseVersion(offered: readonly number[], ours: readonly number[]): number | undefined {
  const common = offered.filter(version => ours.includes(version))
  return common.length === 0 ? undefined : Math.max(...common)
}
