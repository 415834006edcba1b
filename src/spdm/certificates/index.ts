export * from './certificate-chain.js'
export type * from './certificate-facts.js'
export {loadCryptoOf, verifyCertificateSignature} from './certificate-key.js'
export * from './chain-rules.js'
export type {DiceContent, DiceExtension, Fwid, TcbInfo} from './dice.js'
export {DICE_OID} from './dice.js'
export * from './leaf.js'
export * from './model.js'
export * from './leaf-key.js'
export * from './path.js'
export * from './slots.js'
export {CMA_NAME_OID, type DeviceInfo, deviceInfoOf, DMTF_OID, type OtherName} from './subject-names.js'
export * from './validity.js'

/** The reader of certificates, whose library is loaded the first time somebody looks at one. */
export const loadCertificateReader = (): Promise<typeof import('./certificate.js')> => import('./certificate.js')
