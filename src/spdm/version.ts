/** SPDM versions as numbers (major [7:4], minor [3:0]) and as text. */
import {get, mask} from '../bits/index.js'

/** `1.2` of 0x12. */
export const versionText = (version: number): string => `${get(mask(7, 4), version)}.${get(mask(3, 0), version)}`
