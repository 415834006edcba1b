/** Every registered layout: what `tsmctl decode` knows, what the reference documents, what the property tests cover. */
import type {AnyLayout} from '../bits/index.js'
import {LAYOUTS as IDE} from '../ide/index.js'
import {NETLINK_LAYOUTS, NLATTR} from '../kernel/index.js'
import {LAYOUTS as PCAP} from '../pcap/index.js'
import {LAYOUTS as PCI} from '../pci/index.js'
import {LAYOUTS as SPDM} from '../spdm/index.js'
import {LAYOUTS as TDISP} from '../tdisp/index.js'
import {LAYOUTS as VENDOR} from '../vendor/index.js'

export const ALL_LAYOUTS: readonly AnyLayout[] = [
  ...PCI,
  ...IDE,
  ...SPDM,
  ...TDISP,
  ...PCAP,
  ...VENDOR,
  NLATTR,
  ...NETLINK_LAYOUTS,
]
