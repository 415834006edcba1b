/** Who the device is (N037 to N040). */
import {basic, deviceInfo, deviceNames, type Forgery, ruleWith, Usage, usage} from '../forge.js'
import {chainOf, named, row, type Row} from './row.js'

const ANY = {mode: 'any-from-anchor'}
const anyone = ruleWith({identity: ANY})
const signs = [basic(false), usage(Usage.digitalSignature)]
const naming = (name: ReturnType<typeof basic>): (() => Promise<Forgery>) =>
  chainOf({leaf: {extensions: [...signs, name]}})
const bytes = (text: string): Uint8Array => Uint8Array.from(text, char => char.charCodeAt(0))

const [VENDOR, WIDGET, GADGET] = ['0x1b36', '0x0010', '0x0011']
/** Both products of the vendor may come, each as itself. */
const PRODUCTS = ruleWith({
  identity: {
    ...ANY,
    products: [
      {san: 'ACME:WIDGET', vendor: VENDOR, device: [WIDGET]},
      {san: 'ACME:GADGET*', vendor: VENDOR, device: [GADGET]},
    ],
  },
})
const CMA = 'Vendor=1B36:Device=0010:CC=010802:REV=02'

export const ROWS: readonly Row[] = [
  row('N037 a name of two parts', 'spdm.id.san-dmtf', naming(deviceInfo('ACME:WIDGET')), anyone),
  row('N037 a name of four parts', 'spdm.id.san-dmtf', naming(deviceInfo('ACME:WIDGET:1:2')), anyone),
  row('N037 a name with an escape', 'spdm.id.san-dmtf', naming(deviceInfo('ACME:W\u001b[2J:1')), anyone),
  row('N037 a name that is not UTF-8', 'spdm.id.san-dmtf', naming(deviceNames(bytes('ACME:\xff\xfe:1'))), anyone),
  row('N037 two names', 'spdm.id.san-dmtf', naming(deviceNames(bytes('ACME:WIDGET:1'), bytes('ACME:W:2'))), anyone),
  row(
    'N038 a certificate for another device id',
    'spdm.id.san-cma',
    named('Vendor=1B36:Device=5678:CC=010802:REV=02:SSVID=1B36:SSID=0001'),
  ),
  row('N038 another subsystem', 'spdm.id.san-cma', named(`${CMA}:SSVID=1AF4:SSID=0001`)),
  row('N038 a serial number that the device does not have', 'spdm.id.san-cma', named(`${CMA}:0011223344556677`)),
  row('N038 a name without the vendor', 'spdm.id.san-cma', named('Device=0010:CC=010802:REV=02')),
  row('N038 a name with something behind it', 'spdm.id.san-cma', named(`${CMA}:Vendor=1B36`)),
  row('N039 another product of the vendor', 'spdm.id.pci-match', naming(deviceInfo('ACME:GADGET2:0001')), PRODUCTS),
  row('N039 a product nobody knows', 'spdm.id.pci-match', naming(deviceInfo('ACME:OTHER:0001')), PRODUCTS),
  row(
    'N040 another device of the model',
    'spdm.id.pinned',
    {},
    ruleWith({identity: {mode: 'allowlist', allow: [{san: 'ACME:WIDGET:0002'}]}}),
  ),
]
