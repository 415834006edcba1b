import {checks} from './spec.js'

/** Acquisition and freshness: whether what was read is whole, of now, and of this device. */
export const ACQUISITION = checks({
  'acq.abi.known': {
    class: 'F',
    passes: 'the evidence interface and everything it sent is one this version understands',
    fails: 'no evidence interface that this version understands: {got}',
    stops: ['A23'],
    remedy: 'Use a tsmctl that knows this kernel interface, or a kernel that has one.',
  },
  'acq.device.present': {
    class: 'F',
    passes: 'the evidence belongs to one PCI function, held by a TSM',
    fails: 'no such TDI, or no TSM: {got}',
    stops: ['A6'],
  },
  'acq.device.stable': {
    class: 'F',
    passes: 'identity, class, BARs, boot and VF count are the same before and after the reading',
    fails: 'the device changed while evidence was collected: {got}',
    stops: ['A16', 'A21'],
  },
  'acq.driver.unbound': {
    class: 'F',
    passes: 'no driver is bound while evidence is collected',
    fails: '{got} is bound',
    stops: ['A12'],
    remedy: 'Unbind the driver, lock the device again and collect again.',
  },
  'acq.state.locked': {
    class: 'F',
    passes: 'the TDI is CONFIG_LOCKED after the reading',
    fails: 'the TDI is {got}, not CONFIG_LOCKED',
    stops: ['A10', 'A38'],
    remedy: 'Lock the device and collect again.',
  },
  'acq.nonce.used': {
    class: 'F',
    passes: 'the collection used a nonce of 32 bytes, not zero, never used before',
    fails: 'the nonce does not prove freshness: {got}',
    stops: ['A1'],
  },
  'acq.generation.stable': {
    class: 'F',
    passes: 'all objects and digests carry one generation, not zero',
    fails: 'the evidence was regenerated during the reading: {got}',
    stops: ['A11'],
    skips: ['na'],
  },
  'acq.object.complete': {
    class: 'F',
    passes: 'every object that is needed was delivered, whole and once',
    fails: 'objects missing: {got}',
    stops: ['A9', 'A23'],
  },
  'acq.object.limits': {
    class: 'F',
    passes: 'no object is larger than its format allows',
    fails: '{got}',
    stops: ['A23'],
  },
  'acq.source.live': {
    class: 'F',
    passes: 'the evidence comes from the kernel of this machine, now',
    fails: 'evidence from {got} cannot authorise accept',
    stops: ['A1', 'A21'],
    skips: ['na'],
    remedy: 'Collect evidence on the machine that has the device.',
  },
  'acq.bundle.integrity': {
    class: 'F',
    passes: 'the manifest lists every object exactly once with its digest',
    fails: 'the bundle was altered: {got}',
    stops: ['A9'],
    skips: ['na'],
  },
  'acq.time.trusted': {
    class: 'W',
    passes: 'the clock is one the policy trusts, and not before its floor or before this version was built',
    fails: 'the clock is not usable: {got}',
    stops: ['A27'],
    skips: ['clk'],
    remedy: 'Set the clock from a source the site vouches for, or allow the skip in the rule.',
  },
})
