/** Set by the build; `0.0.0-source` when the sources run unbuilt, as in unit tests. */
declare const TSMCTL_VERSION: string | undefined

export const VERSION: string = typeof TSMCTL_VERSION === 'undefined' ? '0.0.0-source' : TSMCTL_VERSION
