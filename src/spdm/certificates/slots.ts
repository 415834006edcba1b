/** What DIGESTS tells about certificate slots (DSP0274 1.3 §10.6). */
import {isZero, type View} from '../../bits/index.js'
import {bitsOf} from '../algorithms.js'
import {type DIGESTS, KEY_USAGE} from '../messages/index.js'

/** Whose certificate the leaf of a slot is: of the device, of its firmware, or of neither. */
export type CertificateModel = 'none' | 'device' | 'alias' | 'generic'
export type KeyUse = keyof typeof KEY_USAGE

const MODELS: readonly CertificateModel[] = ['none', 'device', 'alias', 'generic']

export interface SlotFacts {
  readonly slot: number
  /** Digest of the slot's chain object. */
  readonly digest: Uint8Array
  /** Only in a multi-key connection; undefined also for a model nobody defined. */
  readonly model?: CertificateModel | undefined
  readonly keyPairId?: number
  /** What the slot's key may be used for. Without it, for anything. */
  readonly uses?: readonly KeyUse[]
}

type Digests = View<(typeof DIGESTS)['fields']>

/** Model of CertificateInfo [2:0]; undefined for reserved values. */
export const certificateModel = (certificateInfo: number): CertificateModel | undefined => MODELS[certificateInfo % 8]

/** CertificateInfo that says `model`. */
export const certificateInfoOf = (model: CertificateModel): number => MODELS.indexOf(model)

const usesOf = (mask: number): KeyUse[] =>
  (Object.keys(KEY_USAGE) as KeyUse[]).filter(use => bitsOf(mask).includes(KEY_USAGE[use]))

/** Provisioned slots, ascending. */
export const slotsOf = ({
  provisionedSlotMask,
  digests,
  keyPairIds,
  certificateInfo,
  keyUsageMasks,
}: Digests): SlotFacts[] =>
  bitsOf(provisionedSlotMask).map((slot, i) => ({
    slot,
    digest: digests[i]!.digest,
    ...(certificateInfo !== undefined && {model: certificateModel(certificateInfo[i]!)}),
    ...(keyPairIds !== undefined && {keyPairId: keyPairIds[i]!}),
    ...(keyUsageMasks !== undefined && {uses: usesOf(keyUsageMasks[i]!.mask)}),
  }))

/** May the slot's key be used so? */
export const slotAllows = ({uses}: SlotFacts, use: KeyUse): boolean => uses === undefined || uses.includes(use)

const AUTHENTICATES: readonly KeyUse[] = ['keyExchange', 'challenge', 'measurement', 'endpointInfo']

function slotProblems({slot, digest, model, uses}: SlotFacts, multiKey: boolean): string[] {
  if (!multiKey) return []
  const found: string[] = []
  if (model === undefined) found.push(`slot ${slot} has a reserved certificate model`)
  if (model === 'none' && !isZero(digest)) found.push(`slot ${slot} has a digest, but no certificate model`)
  if (slot === 0 && model === 'generic') found.push('slot 0 has a generic certificate')
  if (slot === 0 && !AUTHENTICATES.some(use => uses?.includes(use)))
    found.push('the key of slot 0 may be used for no authentication')
  return found
}

/** What contradicts the specification in a DIGESTS response. */
export function digestProblems(digests: Digests): readonly string[] {
  const {spdmVersion, supportedSlotMask, provisionedSlotMask, certificateInfo} = digests
  const found: string[] = []
  if (provisionedSlotMask === 0) found.push('no slot is provisioned')
  const supported = bitsOf(supportedSlotMask)
  if (spdmVersion >= 0x13 && bitsOf(provisionedSlotMask).some(slot => !supported.includes(slot)))
    found.push('a slot is provisioned that is not supported')
  return [...found, ...slotsOf(digests).flatMap(slot => slotProblems(slot, certificateInfo !== undefined))]
}
