/** Functions of the machine in `host/machine.ts`, by what the scenes use them for. */

/** NVMe with virtual functions. */
export const DEVICE = '0000:01:00.0'
export const VF = '0000:01:00.1'
export const LAST_VF = '0000:01:00.2'
export const ROOT_PORT = '0000:00:03.0'
/** NVMe without IDE, and the second function of its slot. */
export const NO_IDE = '0000:02:00.0'
export const SECOND_FUNCTION = '0000:02:00.1'
/** NVMe without TEE, behind a switch. */
export const NO_TEE = '0000:05:00.0'
export const SWITCH = '0000:03:00.0'
export const NO_TEE_PORT = '0000:00:05.0'
/** NVMe below the second host bridge. */
export const FAR = '0000:41:00.0'
export const FAR_PORT = '0000:40:00.0'

export const BRIDGE = 'pci0000:00'
export const FAR_BRIDGE = 'pci0000:40'

export const TSM_CLASS = '/sys/class/tsm'
export const BUS = '/sys/bus/pci'
