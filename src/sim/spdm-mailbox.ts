/** A device as a mailbox shows it: SPDM in the clear and in sessions, and the DSM behind the sessions. */
import {CMA_SPDM, type DoeFeature, SECURED_CMA_SPDM} from '../pci/index.js'
import type {Connection, Responder, ResponderOptions} from '../spdm/index.js'
import type {SimulatedDsm} from './dsm/index.js'
import type {MailboxModel} from './mailboxes.js'

const isOf = (feature: DoeFeature, {vendor, type}: DoeFeature): boolean =>
  feature.vendor === vendor && feature.type === type

/** A mailbox with `responder` behind it (PCIe r6.2 §6.31). */
export const spdmMailbox = (responder: Pick<Responder, 'respond'>): MailboxModel => ({
  features: [CMA_SPDM, SECURED_CMA_SPDM],
  answer: ({payload, ...feature}) => {
    const secured = isOf(feature, SECURED_CMA_SPDM)
    if (!secured && !isOf(feature, CMA_SPDM)) return undefined
    const answer = responder.respond({secured, payload})
    return answer && {...(answer.secured ? SECURED_CMA_SPDM : CMA_SPDM), payload: answer.payload}
  },
})

/** What a session has to be like that carries IDE_KM and TDISP (PCIe r7.0 §6.31.4, §11.3.1). */
const isFit = ({aead, encrypted}: Connection): boolean => aead?.name === 'aes-256-gcm' && encrypted

/** `options` of a responder whose sessions carry IDE_KM and TDISP to `dsm`; in the clear, or in lesser ones, nobody answers. */
export const withDsm = (
  options: ResponderOptions,
  dsm: Pick<SimulatedDsm, 'vendor' | 'sessionEnded'>,
): ResponderOptions => ({
  ...options,
  vendor: (payload, session, connection) =>
    session === undefined || !isFit(connection) ? undefined : dsm.vendor(payload, session),
  onSessionEnd: session => {
    dsm.sessionEnded(session)
    options.onSessionEnd?.(session)
  },
})
