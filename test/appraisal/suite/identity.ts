/** Who the device is, and its DICE layers (N037 to N044). */
import {der, extension} from '../../spdm/authority.js'
import {basic, deviceInfo, ruleWith, Usage, usage} from '../forge.js'
import {besides, row, chainOf, TCB_INFO, DEBUG_FLAG, tcbInfo, marked, named, type Row} from './row.js'

export const ROWS: readonly Row[] = [
  row(
    'N037 a name of two parts',
    'spdm.id.san-dmtf',
    chainOf({leaf: {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo('ACME:WIDGET')]}}),
    ruleWith({identity: {mode: 'any-from-anchor'}}),
  ),
  row(
    'N037 a name with an escape',
    'spdm.id.san-dmtf',
    chainOf({leaf: {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo('ACME:W\u001b[2J:1')]}}),
    ruleWith({identity: {mode: 'any-from-anchor'}}),
  ),
  row(
    'N038 a certificate for another device id',
    'spdm.id.san-cma',
    named('Vendor=1B36:Device=5678:CC=010802:REV=02:SSVID=1B36:SSID=0001'),
  ),
  row(
    'N038 another subsystem',
    'spdm.id.san-cma',
    named('Vendor=1B36:Device=0010:CC=010802:REV=02:SSVID=1AF4:SSID=0001'),
  ),
  row('N038 a name without the vendor', 'spdm.id.san-cma', named('Device=0010:CC=010802:REV=02')),
  row('N041 a TcbInfo cut short', 'spdm.dice.parse', marked(extension(TCB_INFO, tcbInfo().subarray(0, -1)))),
  besides(
    row('N042 a layer in debug mode', 'spdm.dice.flags', marked(extension(TCB_INFO, tcbInfo(der(0x87, DEBUG_FLAG))))),
    'spdm.dice.parse',
    'spdm.dice.consistent',
  ),
  besides(
    row(
      'N044 an svn below the minimum',
      'spdm.dice.svn',
      marked(extension(TCB_INFO, tcbInfo())),
      ruleWith({dice: {minSvn: 6}}),
    ),
    'spdm.dice.parse',
  ),
  row(
    'N040 another device of the model',
    'spdm.id.pinned',
    {},
    ruleWith({identity: {mode: 'allowlist', allow: [{san: 'ACME:WIDGET:0002'}]}}),
  ),
]
