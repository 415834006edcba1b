/** Data object types the kernel found in a function's DOE mailboxes. Linux Documentation/ABI/testing/sysfs-bus-pci. */
import type {Kernel} from '../kernel/index.js'
import type {Bdf} from './bdf.js'
import {deviceDirectory} from './functions.js'
import {attemptPresent, type Known, known, mapKnown, type Present} from '../known.js'

export interface DoeFeature {
  readonly vendor: number
  readonly type: number
}

/** Well-known data object types, PCIe r6.2 §6.31.3 and PCI Code and ID Assignment. */
export const CMA_SPDM: DoeFeature = {vendor: 0x0001, type: 0x01}
export const SECURED_CMA_SPDM: DoeFeature = {vendor: 0x0001, type: 0x02}

/** As sysfs names it: `0001:01`. */
export const featureText = ({vendor, type}: DoeFeature): string =>
  `${vendor.toString(16).padStart(4, '0')}:${type.toString(16).padStart(2, '0')}`

const FEATURE = /^([0-9a-f]{4}):([0-9a-f]{2})$/

/**
 * Data object types that the function's mailboxes offer, merged by the kernel, discovery included. Absent when the
 * kernel made no mailbox for the function, or knows no DOE.
 */
export function readDoeFeatures(kernel: Kernel, bdf: Bdf): Present<readonly DoeFeature[]> {
  return attemptPresent(`${deviceDirectory(bdf)}/doe_features`, path =>
    kernel.list(path).flatMap(name => {
      const match = FEATURE.exec(name === 'doe_discovery' ? '0001:00' : name)
      return match === null ? [] : [{vendor: Number.parseInt(match[1]!, 16), type: Number.parseInt(match[2]!, 16)}]
    }),
  )
}

/** Does a list of features contain `wanted`? */
export const includesFeature = (features: readonly DoeFeature[], wanted: DoeFeature): boolean =>
  features.some(({vendor, type}) => vendor === wanted.vendor && type === wanted.type)

/** Does what sysfs lists contain `wanted`? */
export const offers = (features: Present<readonly DoeFeature[]>, wanted: DoeFeature): Known<boolean> =>
  features.present ? mapKnown(features.value, list => includesFeature(list, wanted)) : known(false)
