/**
 * The host's side: a device connected to a link TSM. Its configuration space, the IDE registers at both ends and the tree
 * are the host's own reading; certificates and measurements were asked for over the device's mailbox.
 */
import {encodeFacts, type IdeFacts, type IdeStreamFacts} from '../../../src/evidence/index.js'
import {PCI, RULE, ruleWith} from '../forge.js'
import {baseOf} from './base.js'

const OWN = {first: PCI.bdf, last: PCI.bdf}
const PORT = '0000:00:01.0'

const end = {enabled: true, streamId: 0, state: 'secure', failReceived: false, teeLimited: false, trafficClass: 0}

export const STREAM: IdeStreamFacts = {
  name: 'stream0.0.0',
  rootPort: {...end, bdf: PORT, block: 0, defaultStream: false, requesters: OWN, addresses: []},
  endpoint: {...end, bdf: PCI.bdf, block: 0, defaultStream: true, requesters: {first: PORT, last: PORT}, addresses: []},
  idShared: false,
}

export const REGISTERS: IdeFacts = {
  bdf: PCI.bdf,
  hostBridge: 'pci0000:00',
  rootPort: PORT,
  integrated: false,
  capable: true,
  switches: [],
  functions: OWN,
  streams: [STREAM],
  unread: [],
  errata: null,
}

/** The `ide` object with other registers. */
export const registersWith = (change: Partial<IdeFacts>) => ({
  objects: {ide: encodeFacts({...REGISTERS, ...change})},
  // the TSM of a host digests nothing
  digests: {ide: undefined},
})

/** The same with one end of the stream changed. */
export const streamWith = (
  change: Partial<IdeStreamFacts>,
  rootPort: Partial<IdeStreamFacts['rootPort']> = {},
  endpoint: Partial<IdeStreamFacts['endpoint']> = {},
) =>
  registersWith({
    streams: [
      {
        ...STREAM,
        rootPort: {...STREAM.rootPort!, ...rootPort},
        endpoint: {...STREAM.endpoint!, ...endpoint},
        ...change,
      },
    ],
  })

/** Registers are read here: no word of a TSM is needed for what they show. */
const READ = ['ide.stream.secure', 'ide.stream.default', 'ide.topology', 'pci.sriov.stable']

export const hostRuleWith = (change: object): object =>
  ruleWith({
    allowSkip: RULE.allowSkip.filter(({check}) => !READ.includes(check)),
    tsm: {digests: 'if-available', platformAttestation: 'ignore', ide: 'require'},
    ...change,
  })

export const G5 = baseOf(
  'G5',
  {
    ...registersWith({}),
    digests: {cert0: undefined, vca: undefined, measurements: undefined, ide: undefined},
    without: ['report'],
    tsm: {connected: true},
    collection: {
      driverOverride: null,
      sriov: {physicalFunction: PCI.bdf, atConnect: 0, now: 0},
    },
    pci: {driver: 'nvme', sriovVfs: 0},
    facts: {
      provider: {kind: 'host-link', abi: 'host-link/1', tsm: 'tsm0', generation: null},
      tdiState: 'unknown',
    },
  },
  hostRuleWith({}),
  // what a host collected is looked at, and never leads to accept
  {circumstances: {mode: 'offline'}, decision: 'review'},
)
