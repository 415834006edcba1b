/**
 * Points on which Linux 7.3 does otherwise than its documents say (A host side, B confidential guests, C the staging
 * series), on which they are silent (D), or that look like mistakes in it (S): where each of them is tested.
 */
import type {Scene} from './step.js'

export interface Row {
  /** What the kernel does. */
  readonly does: string
  /** Test that holds it, where no step of the script does. */
  readonly test?: string
  /** Why nothing here can show it on a real kernel. */
  readonly unseen?: string
}

const NO_AMD = 'needs an AMD platform with SEV-TIO'
const NO_TDX_HOST = 'needs a host with the TDX module'
const NO_GUEST = 'needs an SEV-SNP, TDX or CCA guest of real hardware'
const NO_SERIES = 'of the series of March 2026, which no module here plays'

export const ROWS: Readonly<Record<string, Row>> = {
  A1: {does: '`tsm/` appears for every function 0 with usable IDE or TEE, and for dependants of a connected one'},
  A2: {does: 'the files of functions appear between the `add` and the `change` of the TSM'},
  A3: {
    does: 'Upstream Ports and RCiEPs may be DSMs, but get no stream',
    test: 'test/sim/host.test.ts',
    unseen: 'no emulated switch port has an SPDM mailbox',
  },
  A4: {does: '`tsm/bound` stays empty: nothing in this kernel binds'},
  A5: {does: '`authenticated` does not exist without a link TSM'},
  A6: {does: '`available_secure_streams` is 256 on every host bridge, IDE or not'},
  A7: {does: 'it counts free slots of the pool: failed attempts give theirs back, streams of firmware take none'},
  A8: {does: 'Stream IDs are unique per host bridge, not per pair of ports'},
  A9: {
    does: 'SEV-TIO registers a stream last, so that a taken ID shows after the whole exchange',
    test: 'test/sim/host-session.test.ts',
    unseen: NO_AMD,
  },
  A10: {does: 'a stream that does not become Secure is ENXIO where the TSM minds; SEV-TIO does not'},
  A11: {does: 'idle blocks have ID 255 after enumeration, and 0 after a stream was torn down'},
  B1: {
    does: 'the device is `/dev/tdx_guest`, and invalid operands are ENXIO',
    test: 'test/kernel/lane/specs/guest/tdreport.spec.ts',
    unseen: 'the name is; errnos are those of the module that plays the TDX guest',
  },
  B2: {does: 'a failing TDCALL is ENXIO, EBUSY or EIO by its cause', unseen: NO_GUEST},
  B3: {does: '`msg_version` of the SNP request is one byte', unseen: NO_GUEST},
  B4: {does: 'the TDX module is initialised once, at boot', unseen: NO_TDX_HOST},
  B5: {does: 'words of the TDX messages differ from the documented ones', unseen: NO_TDX_HOST},
  B6: {
    does: 'a longer write to a runtime measurement register is cut to 48 bytes, and extends it',
    test: 'test/kernel/lane/specs/guest/measurement-registers.spec.ts',
  },
  B7: {does: 'a failing firmware update gives one reason for everything', unseen: NO_TDX_HOST},
  C1: {does: 'the evidence family has eleven types of objects', test: 'test/sim/evidence.test.ts', unseen: NO_SERIES},
  C2: {does: '`pci-tsm` parses the nonce and ignores it', test: 'test/sim/evidence.test.ts', unseen: NO_SERIES},
  C3: {does: 'continuations carry only the value', test: 'test/sim/evidence.test.ts', unseen: NO_SERIES},
  C4: {does: '`accept` written again is carried out again', test: 'test/kernel/lane/specs/guest/abi.spec.ts'},
  C5: {does: 'page numbers of the report are scaled twice', test: 'test/tdisp/report.test.ts', unseen: NO_SERIES},
  C6: {does: 'evidence comes from the family `device-evidence` or `pci-tsm`; mainline has neither'},
  D1: {does: '`connect` takes whatever scanf takes for `tsmN`; `disconnect` takes the exact name'},
  D2: {does: '`disconnect` of what is not connected is ENXIO'},
  D3: {
    does: '`doe_features` does not tell which mailbox has a feature',
    test: 'test/sim/doe-mailbox.test.ts',
    unseen: 'every emulated function has one mailbox',
  },
  D4: {
    does: 'configfs-tsm applies `inblob` at close, and loses its errors',
    test: 'test/kernel/lane/specs/guest/tsm-report.spec.ts',
  },
  D5: {does: 'some refused writes advance `generation`', test: 'test/kernel/lane/specs/guest/tsm-report.spec.ts'},
  D6: {
    does: 'EBUSY of configfs-tsm only at the wrap of a 64-bit counter or from TDX',
    unseen: 'nobody writes 2^64 times',
  },
  D7: {does: '`privlevel` is 0 even when the floor is higher', unseen: 'nothing in tsmctl writes it: not tested'},
  D8: {does: 'arm_cca_guest shows attributes that it ignores', unseen: NO_GUEST},
  D9: {does: 'an SNP failure may disable the VMPCK until reboot', unseen: NO_GUEST},
  D10: {does: 'packages without an online CPU are skipped in silence', unseen: NO_TDX_HOST},
  D11: {does: '`drivers_probe` succeeds although nothing was bound'},
  D12: {does: '`driver_override` reads `(null)` when it is not set'},
  D13: {does: '`config` has 64 bytes for whoever lacks CAP_SYS_ADMIN'},
  D14: {does: 'links to streams below the TSM', test: 'test/sim/abi.test.ts', unseen: 'not in mainline'},
  S1: {does: 'a Stream ID that is claimed twice ends IDE of the endpoint of a firmware stream'},
  S2: {
    does: 'a reader of `tsm/*` and the removal of that file may wait for each other',
    unseen: 'a race of two tasks in the kernel; tsmctl does not read what it removes',
  },
  S3: {does: 'a growth request of SEV-TIO ends in EIO', unseen: NO_AMD},
  S4: {does: 'the last second of a TDX quote is a timeout', unseen: NO_GUEST},
  S5: {
    does: 'a new report keeps old lengths of auxiliary blobs',
    unseen: 'tsmctl makes one report per instance: not tested',
  },
  S6: {does: 'the size of a blob is asked before its content', unseen: 'a race of two writers in the kernel'},
  S7: {
    does: '`accept` on a device that is connected and not locked',
    test: 'test/operations/both-sides.test.ts',
    unseen: NO_SERIES,
  },
  S8: {does: 'SEV-TIO takes its context back without a disconnect', unseen: NO_AMD},
}

/** Titles of the scenes that show a row. */
export const scenesOf = (scenes: readonly Scene[], row: string): readonly string[] =>
  scenes.filter(({steps}) => steps.some(({shows}) => shows?.includes(row))).map(({title}) => title)
