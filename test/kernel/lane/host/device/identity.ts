/** Who an emulated device is, and who it can pretend to be. */
import {environment} from '../../../../../src/kernel/index.js'
import {createLabDevice, type LabDevice} from '../../../../../src/sim/index.js'
import {deviceMode} from '../../../../../src/sim/measured.js'
import {
  MEASUREMENT_TYPE,
  type ResponderOptions,
  type ResponderSlot,
  SPDM_VERSION,
} from '../../../../../src/spdm/index.js'
import type {Chain, DeviceControl} from '../../control.js'

/** QEMU's mailbox relays objects of up to 4608 bytes. */
const TRANSFER_SIZE = 4096

export interface Identity {
  /** DER of the root certificate: the trust anchor. */
  readonly root: Uint8Array
  /** The device as it is told to be. */
  options(control: DeviceControl): ResponderOptions
}

const lab = (manufacturer: string): Promise<LabDevice> =>
  createLabDevice({
    random: environment.random,
    manufacturer,
    versions: [SPDM_VERSION['1.2']],
    dataTransferSize: TRANSFER_SIZE,
  })

function slotsOf(own: ResponderSlot, stranger: ResponderSlot): Readonly<Record<Chain, ResponderSlot>> {
  const [ownRoot, ownCa] = own.certificates as readonly [Uint8Array, Uint8Array]
  const [, foreignCa, foreignLeaf] = stranger.certificates as readonly [Uint8Array, Uint8Array, Uint8Array]
  return {
    own,
    stranger,
    'foreign-leaf': {...stranger, certificates: [ownRoot, ownCa, foreignLeaf]},
    'foreign-root': {...stranger, certificates: [ownRoot, foreignCa, foreignLeaf]},
  }
}

const measured = (
  {measurements}: ResponderOptions,
  {firmware, debug}: DeviceControl,
): ResponderOptions['measurements'] =>
  measurements.map(one => {
    if (firmware !== undefined && one.type === MEASUREMENT_TYPE.firmware)
      return {...one, value: new TextEncoder().encode(firmware)}
    return debug === true && one.type === MEASUREMENT_TYPE['device-mode']
      ? {...one, value: deviceMode(['invasive-debug'])}
      : one
  })

export async function createIdentity(): Promise<Identity> {
  const [own, stranger] = await Promise.all([lab('Lab'), lab('Stranger')])
  const slots = slotsOf(own.options.slots[0]!, stranger.options.slots[0]!)
  return {
    root: own.root,
    options(control) {
      const {chain = 'own', badSignature = false} = control
      const slot = slots[chain]
      const {sign} = slots[chain === 'own' ? 'stranger' : 'own']
      return {
        ...own.options,
        slots: [badSignature ? {...slot, sign} : slot],
        measurements: measured(own.options, control),
      }
    },
  }
}
