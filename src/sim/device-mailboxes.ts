/** What devices with keys answer at their mailboxes: as the very devices whose evidence a TSM would show. */
import {CMA_SPDM, featureText, ridOf} from '../pci/index.js'
import {Responder} from '../spdm/index.js'
import {INTERFACE_REPORT} from '../tdisp/index.js'
import type {TdiSpec} from './dsm/index.js'
import {createLabDsm} from './lab-dsm.js'
import {type Dsm, fromBase64, type Identities, type Machine, type SimFunction} from './machine.js'
import type {MailboxModels} from './mailboxes.js'
import {deviceOptions} from './responder.js'
import {spdmMailbox, withDsm} from './spdm-mailbox.js'

export interface DeviceMailboxOptions {
  /** Of a host's devices, once they are made. */
  readonly identities: () => Identities | undefined
  readonly random: (length: number) => Uint8Array
}

/** The function as an interface. Its ranges are where a TSM's report puts them. */
function interfaceOf(bdf: string, {report}: Dsm): TdiSpec {
  const {noFwUpdate, dmaWithoutPasid, dmaWithPasid, atsSupported, prsSupported, msixTableSize, msixEnable, mmioRanges} =
    INTERFACE_REPORT.decode(fromBase64(report))
  return {
    address: {requesterId: ridOf(bdf)},
    report: {noFwUpdate, dmaWithoutPasid, dmaWithPasid, atsSupported, prsSupported, msixTableSize, msixEnable},
    // what a lock keeps of them is a copy, and a decoded structure is a view that cannot be spread
    ranges: mmioRanges.map(({firstPage, pages, rangeId, msixTable, msixPba, isNonTeeMem, isMemAttrUpdatable}) => ({
      firstPage,
      pages,
      rangeId,
      msixTable,
      msixPba,
      isNonTeeMem,
      isMemAttrUpdatable,
    })),
  }
}

/** The mailbox of a function that takes SPDM: on a host as its scenario says, elsewhere the first. */
const spdmIndexOf = ({host}: SimFunction): number =>
  host === null ? 0 : host.mailboxes.findIndex(mailbox => mailbox.includes(featureText(CMA_SPDM)))

/** That mailbox of a function with keys; everything else answers discovery only. */
export const deviceMailboxes =
  ({functions}: Machine, {identities, random}: DeviceMailboxOptions): MailboxModels =>
  (device, index) => {
    const fn = functions.find(({bdf}) => bdf === device)
    if (fn === undefined || index !== spdmIndexOf(fn)) return undefined
    const dsm = fn.dsm ?? identities()?.devices[device]
    if (dsm === undefined) return undefined
    const options = withDsm(deviceOptions(dsm, random), createLabDsm(random, interfaceOf(device, dsm)))
    const {answer} = spdmMailbox(new Responder(options))
    return answer && {answer}
  }
