import {checks} from './spec.js'

const AGAIN = 'The device changed while it was reviewed: collect and verify again.'

/** Between approval and RUN: is it still what was reviewed, and did the last step happen? */
export const COMMIT = checks({
  'commit.human': {
    class: 'F',
    passes: 'whoever the rule asks for approved exactly this evidence, within ten minutes',
    fails: 'approval is missing: {got}',
    stops: ['A35'],
    skips: ['na'],
    remedy: 'Review the evidence and approve it by its digest.',
  },
  'commit.state': {
    class: 'F',
    passes: 'the TDI is still CONFIG_LOCKED',
    fails: 'the TDI is {got}, not CONFIG_LOCKED',
    stops: ['A10', 'A33'],
    remedy: AGAIN,
  },
  'commit.generation': {
    class: 'F',
    passes: 'the evidence generation is the reviewed one',
    fails: 'the evidence changed since the review: {got}',
    stops: ['A10'],
    skips: ['na'],
    remedy: AGAIN,
  },
  'commit.lock-epoch': {
    class: 'F',
    whenKnown: true,
    passes: 'the digests of the TSM, read again, are the reviewed ones',
    fails: 'the interface changed since the review: {got}',
    stops: ['A10'],
    skips: ['tsm'],
    remedy: AGAIN,
  },
  'commit.driver-unbound': {
    class: 'F',
    passes: 'still no driver is bound',
    fails: '{got} was bound since the review',
    stops: ['A12'],
    remedy: AGAIN,
  },
  'commit.device-stable': {
    class: 'F',
    passes: 'identity, class, BARs and enabled decoding are still those of the review',
    fails: 'the device changed since the review: {got}',
    stops: ['A13', 'A16', 'A21'],
    remedy: AGAIN,
  },
  'commit.audit-durable': {
    class: 'F',
    passes: 'the intention is on disk before it is carried out',
    fails: 'the audit log cannot be written: {got}',
    stops: ['A36'],
    remedy: "Make room for tsmctl's state directory and repair its file system.",
  },
  'commit.post-state': {
    class: 'F',
    passes: 'the TDI is in RUN after accept',
    fails: 'the device did not enter RUN: {got}',
    stops: ['A38'],
    remedy: 'Unlock the device: nobody knows what state it is in.',
  },
  'commit.mmio-validated': {
    class: 'F',
    whenKnown: true,
    passes: 'the TSM validated every TEE range, one by one',
    fails: 'range not validated: {got}',
    stops: ['A8'],
    skips: ['kern'],
  },
})
