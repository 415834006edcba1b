/** Set by the build; `0.0.0-source` when the sources run unbuilt, as in unit tests. */
declare const TSMCTL_VERSION: string | undefined

/** SHA-384 of the sources, set by the build too. */
declare const TSMCTL_BUILD: string | undefined

export const VERSION: string = typeof TSMCTL_VERSION === 'undefined' ? '0.0.0-source' : TSMCTL_VERSION

/** Names the sources this program was built from; null when the sources run unbuilt. */
export const BUILD_DIGEST: string | null = typeof TSMCTL_BUILD === 'undefined' ? null : TSMCTL_BUILD
