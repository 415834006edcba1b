/** The link (N079 to N084), and the virtual functions that only a host sees (N108). */
import type {TsmFacts} from '../../../src/evidence/index.js'
import {G4, G5, hostRuleWith, LINK, registersWith, STREAM, streamWith} from '../bases/index.js'
import {PCI, ruleWith} from '../forge.js'
import {besides, row, type Row, rowsOn} from './row.js'

const two = (change: Partial<typeof STREAM>) => registersWith({streams: [STREAM, {...STREAM, ...change}]})
const notDefault = {...STREAM, endpoint: {...STREAM.endpoint!, defaultStream: false}}
const foreign = {
  ...STREAM,
  name: null,
  rootPort: {...STREAM.rootPort!, block: 1, streamId: 1},
  endpoint: {...STREAM.endpoint!, block: 1, streamId: 1},
}

const linkWith = (change: TsmFacts['link']) => ({tsm: {link: {...LINK, ...change}}})
const keysWith = (change: Partial<(typeof LINK)['keys']>) => linkWith({keys: {...LINK.keys, ...change}})

export const ROWS: readonly Row[] = [
  ...rowsOn(
    G5,
    row('N079 insecure at the root port', 'ide.stream.secure', streamWith({}, {state: 'insecure'})),
    row('N079 insecure at the device', 'ide.stream.secure', streamWith({}, {}, {state: 'insecure'})),
    row('N079 a state nobody defined', 'ide.stream.secure', streamWith({}, {}, {state: '0x3'})),
    row('N079 a fail message', 'ide.stream.secure', streamWith({}, {failReceived: true})),
    row('N079 on at one end only', 'ide.stream.secure', streamWith({}, {enabled: false})),
    besides(
      row('N079 a stream with one end', 'ide.stream.secure', streamWith({rootPort: null})),
      'ide.stream.association',
    ),
    row('N079 no IDE, says the TSM of a host', 'ide.stream.secure', {tsm: {connected: true, link: {secure: false}}}),
    row('N080 two default streams', 'ide.stream.default', two({name: 'stream1.1.1'})),
    row('N080 the default is another stream', 'ide.stream.default', registersWith({streams: [notDefault, foreign]})),
    row('N080 no default stream', 'ide.stream.default', registersWith({streams: [notDefault]})),
    row('N080 traffic class 1', 'ide.stream.default', streamWith({}, {trafficClass: 1}, {trafficClass: 1})),
    row('N080 a Stream ID in use twice', 'ide.stream.default', streamWith({idShared: true})),
    row(
      'N081 the whole bus',
      'ide.stream.association',
      streamWith({}, {requesters: {first: '0000:01:00.0', last: '0000:01:1f.7'}}),
      hostRuleWith({require: ['ide.stream.association']}),
    ),
    row(
      'N081 another device',
      'ide.stream.association',
      streamWith({}, {requesters: {first: '0000:02:00.0', last: '0000:02:00.0'}}),
      hostRuleWith({require: ['ide.stream.association']}),
    ),
    row(
      'N081 nothing',
      'ide.stream.association',
      streamWith({}, {requesters: null}),
      hostRuleWith({require: ['ide.stream.association']}),
    ),
    row('N084 a switch in the path', 'ide.topology', registersWith({switches: ['0000:02:00.0', '0000:03:01.0']})),
    row('N108 virtual functions since the connect', 'pci.sriov.stable', {
      pci: {sriovVfs: 4},
      collection: {sriov: {physicalFunction: PCI.bdf, atConnect: 0, now: 4}},
    }),
  ),
  ...rowsOn(
    G4,
    row('N079 no IDE, says the TSM', 'ide.stream.secure', linkWith({secure: false})),
    row('N080 another stream than that of the lock', 'ide.stream.default', linkWith({defaultStream: false})),
    row('N080 traffic class 1, says the TSM', 'ide.stream.default', linkWith({trafficClass: 1})),
    row('N082 keys of another session', 'ide.keys.session', keysWith({session: '0x00060001'})),
    row(
      'N082 no keys for completions',
      'ide.keys.session',
      keysWith({programmed: LINK.keys.programmed.filter(key => !key.startsWith('cpl'))}),
    ),
    row(
      'N082 no keys in one direction',
      'ide.keys.session',
      keysWith({programmed: LINK.keys.programmed.filter(key => !key.endsWith('rx'))}),
    ),
  ),
  row('N083 nobody declares corrections', 'ide.errata', {}, ruleWith({tsm: {ideErrata: 'require-fixed'}})),
]
