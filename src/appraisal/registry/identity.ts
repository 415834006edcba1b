import {checks} from './spec.js'

const VERIFIED = ['spdm.chain.signatures', 'spdm.chain.root-pinned'] as const

/** Who the device is, by its verified certificate; and what DICE layers say about its boot. */
export const IDENTITY = checks({
  'spdm.id.san-dmtf': {
    class: 'W',
    passes: 'the leaf names manufacturer, product and serial (DSP0274, DMTF device info)',
    fails: 'the DMTF device info is unusable: {got}',
    stops: ['A30', 'A34'],
    skips: ['abs'],
    requires: VERIFIED,
  },
  'spdm.id.san-cma': {
    class: 'W',
    passes: "the certificate's PCI identity is the one in config space",
    fails: 'the certificate is for {expected}, config space says {got}',
    stops: ['A30'],
    skips: ['abs'],
    requires: VERIFIED,
  },
  'spdm.id.pci-match': {
    class: 'W',
    passes: 'manufacturer and product belong to the vendor and device id',
    fails: '{got} is not {expected}',
    stops: ['A30'],
    skips: ['abs'],
    requires: VERIFIED,
  },
  'spdm.id.pinned': {
    class: 'W',
    passes: 'the device is one the rule names',
    fails: 'the device identity is not one the rule names: {got}',
    stops: ['A22'],
    skips: ['na'],
    remedy: 'A person enrols a device with tsmctl enroll; tsmctl forget gives up the one that was pinned.',
    requires: [...VERIFIED, 'policy.selector'],
  },
  'spdm.dice.parse': {
    class: 'W',
    passes: 'the DICE extensions are understood',
    fails: 'DICE extension not understood: {got}',
    stops: ['A23'],
    skips: ['abs'],
    requires: VERIFIED,
  },
  'spdm.dice.flags': {
    class: 'W',
    passes: 'no layer was booted in debug, recovery or insecure mode',
    fails: 'DICE flags: {got}',
    stops: ['A17'],
    skips: ['abs'],
    requires: ['spdm.dice.parse'],
  },
  'spdm.dice.fwid': {
    class: 'W',
    passes: 'every firmware id has a reference and is not zero',
    fails: 'firmware id of a layer is unknown: {got}',
    stops: ['A24', 'A25'],
    skips: ['abs'],
    requires: ['spdm.dice.parse'],
  },
  'spdm.dice.svn': {
    class: 'W',
    passes: 'the DICE security version is not below the minimum',
    fails: 'DICE svn {got}, needed is {expected}',
    stops: ['A24'],
    skips: ['abs'],
    requires: ['spdm.dice.parse'],
  },
  'spdm.dice.consistent': {
    class: 'A',
    passes: 'certificate and measurements name the same firmware',
    fails: 'certificate and measurements disagree: {got}',
    stops: ['A24'],
    skips: ['abs'],
    requires: ['spdm.dice.parse', 'spdm.meas.type-rep'],
  },
})
