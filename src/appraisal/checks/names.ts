/** The names in the leaf, and whether they are of the device that config space claims to be. */
import {printable, quoted} from '../../errors.js'
import type {PciFacts} from '../../evidence/index.js'
import {CMA_NAME_OID, type CertificateFacts, DMTF_OID} from '../../spdm/index.js'
import {known} from '../facts.js'
import {matchesName} from '../policy/index.js'
import {aboutChain} from './about-chain.js'
import type {Check} from './context.js'
import {type Answer, fail, pass, skip} from './verdict.js'

/** The one name of a kind, or what is to be said of none, of several, and of one that is no text. */
function theName({otherNames}: CertificateFacts, oid: string, what: string): string | Answer {
  const [first, ...others] = otherNames.filter(name => name.oid === oid)
  if (first === undefined) return skip('abs', `the leaf has no ${what}`)
  if (others.length > 0) return fail('several', `${others.length + 1} names`, {expected: 'one'})
  if (first.text === undefined) return fail('not-text', 'a value that is not text in UTF-8')
  // nothing that could deceive whoever reads it is compared either
  if (printable(first.text, Number.MAX_SAFE_INTEGER) !== first.text) return fail('not-printable', quoted(first.text))
  return first.text
}

const sanDmtf = aboutChain(chain => {
  const leaf = chain.at(-1)!
  const name = theName(leaf, DMTF_OID.deviceInfo, 'DMTF device info')
  if (typeof name !== 'string') return name
  return leaf.deviceInfo === undefined ? fail('form', quoted(name)) : pass(quoted(name))
})

/** Members in the order PCIe r6.x §6.31.3 gives them; a subsystem and a serial number need not be there. */
const CMA_NAME =
  /^Vendor=(?<Vendor>[\da-fA-F]{4}):Device=(?<Device>[\da-fA-F]{4}):CC=(?<CC>[\da-fA-F]{6}):REV=(?<REV>[\da-fA-F]{2})(?::SSVID=(?<SSVID>[\da-fA-F]{4}):SSID=(?<SSID>[\da-fA-F]{4}))?(?::(?<serial>[\da-fA-F]{16}))?$/

const digits = (value: string | null | undefined): string | undefined => value?.replace(/^0x/, '').toUpperCase()

/** The 64-bit number of a serial number's registers, whose octets are in order of address. */
const serialNumber = (dsn: string | undefined): string | undefined =>
  dsn === undefined ? undefined : Buffer.from(Buffer.from(dsn, 'hex').toReversed()).toString('hex').toUpperCase()

function claimed({vendor, device, class: classCode, revision, subsystem, dsn}: PciFacts) {
  const [ssvid, ssid] = subsystem?.split(':') ?? []
  return {
    Vendor: digits(vendor),
    Device: digits(device),
    CC: digits(classCode),
    REV: digits(revision),
    SSVID: digits(ssvid),
    SSID: digits(ssid),
    serial: serialNumber(dsn),
  }
}

const sanCma = aboutChain((chain, {facts}) => {
  const name = theName(chain.at(-1)!, CMA_NAME_OID, 'PCI-SIG name')
  if (typeof name !== 'string') return name
  const expected = quoted(name, 128)
  const stated = CMA_NAME.exec(name)?.groups
  if (stated === undefined) return fail('form', 'nothing of that form', {expected})
  const pci = known(facts.pci)
  if (pci === undefined) return fail('unknown', 'nothing', {expected})
  const wrong = Object.entries(claimed(pci)).filter(
    ([member, value]) => stated[member] !== undefined && stated[member].toUpperCase() !== value,
  )
  if (wrong.length === 0) return pass(expected)
  const got = wrong.map(([member, value]) => `${member}=${value ?? 'none'}`).join(', ')
  return fail('differs', printable(got, 200), {expected})
})

const pciMatch = aboutChain((chain, {rule, facts, result}) => {
  const {products} = rule.identity
  const info = chain.at(-1)!.deviceInfo
  if (products === undefined || info === undefined)
    return result('spdm.id.san-cma').result === 'pass'
      ? pass('the certificate names the PCI ids itself')
      : skip('abs', `${info === undefined ? 'the certificate' : 'the rule'} maps no product to a vendor and device id`)
  const product = `${info.manufacturer}:${info.product}`
  const entries = products.filter(({san}) => matchesName(product, san))
  // what selected the rule, and what the rest of the evidence is compared with
  const pci = known(facts.pci)
  const claims = [facts.bundle.manifest.device, ...(pci === undefined ? [] : [pci])]
  const foreign = claims.find(
    ({vendor, device}) => !entries.some(entry => entry.vendor === vendor && entry.device.some(id => id === device)),
  )
  if (foreign === undefined) return pass(`${quoted(product)} is the product of this vendor and device id`)
  return fail('differs', quoted(product), {expected: printable(`${foreign.vendor}:${foreign.device}`)})
})

export const NAME_CHECKS = {
  'spdm.id.san-dmtf': sanDmtf,
  'spdm.id.san-cma': sanCma,
  'spdm.id.pci-match': pciMatch,
} satisfies Record<string, Check>
