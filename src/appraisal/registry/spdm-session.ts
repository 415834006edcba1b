import {checks} from './spec.js'

/** Version, capabilities, algorithms (DSP0274 §10.4-10.6): what both sides agreed on before anything was signed. */
export const SPDM_SESSION = checks({
  'spdm.vca.framing': {
    class: 'F',
    passes: 'the VCA is exactly its six messages, in order, with nothing left over',
    fails: 'the VCA is malformed: {got}',
    stops: ['A23'],
    skips: ['na'],
  },
  'spdm.vca.version': {
    class: 'F',
    passes: 'one offered version is used throughout and is not below the minimum of the rule',
    fails: 'SPDM version {got}, needed is {expected}',
    stops: ['A4'],
    requires: ['policy.selector'],
  },
  'spdm.vca.algorithms': {
    class: 'F',
    passes: 'each algorithm is one selection out of the offer and the rule allows it',
    fails: 'algorithm {got} is not allowed, needed is {expected}',
    stops: ['A4'],
    requires: ['policy.selector'],
  },
  'spdm.vca.capabilities': {
    class: 'F',
    passes: 'the device can sign measurements, show certificates, exchange keys, encrypt and authenticate',
    fails: 'capabilities are missing or contradictory: {got}',
    stops: ['A4'],
    requires: ['spdm.vca.framing'],
  },
  'spdm.vca.meas-fresh': {
    class: 'A',
    passes: 'the device measures anew for every request',
    fails: 'measurements may date from the last reset',
    stops: ['A21'],
    skips: ['abs'],
    requires: ['spdm.vca.framing'],
  },
  'spdm.vca.covered': {
    class: 'F',
    passes: 'what was negotiated is inside the verified signature, or is what the TSM saw',
    fails: 'the negotiated algorithms are not authenticated: {got}',
    stops: ['A4'],
    requires: ['spdm.vca.framing'],
  },
  'spdm.vca.match-session': {
    class: 'W',
    passes: "the algorithms of the TSM's session are those of the VCA",
    fails: "the session's algorithms differ: {got}",
    stops: ['A4', 'A3'],
    skips: ['tsm'],
    requires: ['spdm.vca.framing'],
  },
})
