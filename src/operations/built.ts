/** When this tool was built: a lower bound of the present that no host can turn back. Set by the release. */
export const BUILT = new Date('2026-11-21T00:00:00Z')
