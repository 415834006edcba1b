/**
 * Generations of the guest ABI (staging tree), and the kernel without it. A row says what a kernel of this generation
 * does that another does not.
 */

export interface AbiTraits {
  /** Text of `/proc/sys/kernel/osrelease`. */
  readonly release: string
  /** Generic-netlink family that gives evidence. */
  readonly family: 'pci-tsm' | 'device-evidence' | null
  /** The TSM's directory says what it is for, and links the host bridges that have streams. */
  readonly describesTsm: boolean
  /** Writing `accept` again does nothing; otherwise the kernel carries it out once more and leaks what it mapped. */
  readonly acceptsOnce: boolean
  /** The vendor's three switches on physical functions 0. */
  readonly vendorSwitches: boolean
  /** When an accepted device may reach private memory. */
  readonly dma: 'at accept' | 'at bind'
}

const PLAIN = {family: null, describesTsm: false, acceptsOnce: false, vendorSwitches: false, dma: 'at accept'} as const

export const ABIS = {
  /** Linux 7.3: link TSMs only. */
  mainline: {...PLAIN, release: '7.3.4-sim'},
  /** A vendor's kernel with the guest series of November 2025, without its evidence. */
  G1n: {...PLAIN, release: '6.17.0-sim-g1n', vendorSwitches: true},
  /** The series of 2 March 2026. */
  G2: {...PLAIN, release: '7.0.0-rc2-sim-g2', family: 'pci-tsm', describesTsm: true},
  /** The staging branch of July 2026: evidence and trust of any device. */
  P2: {
    ...PLAIN,
    release: '7.2.0-rc1-sim-p2',
    family: 'device-evidence',
    describesTsm: true,
    acceptsOnce: true,
    dma: 'at bind',
  },
} as const satisfies Readonly<Record<string, AbiTraits>>

export type Abi = keyof typeof ABIS

export const traitsOf = (abi: Abi): AbiTraits => ABIS[abi]

/** Names of the switches below `tsm/`. */
export const VENDOR_SWITCHES = ['enable_spdm', 'enable_link_ide', 'enable_sel_ide'] as const
