/**
 * What devices with keys answer at their mailboxes: as the very devices whose evidence a TSM would show, but with memories
 * of their own that last as long as the machine is open. Who speaks to a mailbox does not disturb a TSM here.
 */
import {CMA_SPDM, featureText, ridOf} from '../pci/index.js'
import {streamPort} from './dsm/index.js'
import type {Identities, Machine, SimFunction} from './machine.js'
import type {MailboxModels} from './mailboxes.js'
import {spdmMailbox} from './spdm-mailbox.js'
import {DeviceEnd, deviceSpec} from './tsm/index.js'

export interface DeviceMailboxOptions {
  /** Of a host's devices, once they are made. */
  readonly identities: () => Identities | undefined
  readonly random: (length: number) => Uint8Array
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
    const interfaceId = ridOf(device)
    const spec = deviceSpec({
      identity: dsm,
      interfaces: [{...dsm, interfaceId}],
      ports: [streamPort(interfaceId)],
      random,
    })
    const {answer} = spdmMailbox(new DeviceEnd(spec))
    return answer && {answer}
  }
