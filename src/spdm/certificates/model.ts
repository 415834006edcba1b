/** Which certificate of a chain stands for the device, and which for its firmware (DSP0274 1.3 §10.7.1). */
import type {CertificateFacts} from './certificate-facts.js'
import type {CertificateModel} from './slots.js'

export interface ModelProblem {
  readonly kind: 'model'
  readonly certificate: number
  readonly message: string
}

/**
 * Contradictions between the marks that certificates of `chain`, root first, carry and the `model` of their slot. Marks
 * are optional: a chain without any contradicts nothing.
 */
export function modelProblems(chain: readonly CertificateFacts[], model: CertificateModel): ModelProblem[] {
  const found: ModelProblem[] = []
  const problem = (certificate: number, message: string): void => void found.push({kind: 'model', certificate, message})
  const last = chain.length - 1
  const leaf = chain[last]
  if (leaf === undefined) return found
  if (model === 'none') problem(last, 'the slot has no certificate model, and yet a certificate')
  if (model === 'device' && leaf.mutableCertificate)
    problem(last, 'it is marked as mutable, but the model is that of device certificates')
  if (model === 'alias' && leaf.hardwareIdentity)
    problem(last, 'it is marked as hardware identity, but the model is that of alias certificates')
  if (model === 'alias' && chain.length < 2) problem(last, 'no device certificate is above the alias certificate')

  const devices = chain.flatMap(({hardwareIdentity}, i) => (hardwareIdentity ? [i] : []))
  for (const i of devices.slice(1)) problem(i, 'it is the second one marked as hardware identity')
  const mutable = chain.findIndex(({mutableCertificate}) => mutableCertificate)
  for (const i of devices)
    if (mutable >= 0 && mutable <= i) problem(i, 'it is marked as hardware identity, below or on a mutable certificate')
  return found
}
