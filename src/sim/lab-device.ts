/** A responder for the laboratory: any algorithms, any versions, with a vendor's certificates of its own. */
import {concat} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {
  asymNamed,
  DHE_GROUP,
  generateSigningKey,
  KEM,
  loadCrypto,
  MEASUREMENT_INDEX,
  MEASUREMENT_TYPE,
  type ResponderMeasurement,
  type ResponderOptions,
  type ResponderSlot,
  signQuestion,
  SVN,
} from '../spdm/index.js'
import {sha384} from './digest.js'
import {deviceMode} from './measured.js'
import {createPki} from './pki.js'

export interface LabDeviceSpec extends Partial<Omit<ResponderOptions, 'slots' | 'algorithms'>> {
  readonly random: (length: number) => Uint8Array
  /** Signature algorithm of the device's key. */
  readonly asym?: string
  /** Preferred first; each stands for itself alone. */
  readonly hash?: string
  readonly measurementHash?: string
  readonly exchange?: string
  readonly aead?: string
  readonly model?: 'device' | 'alias'
  /** Slots that hold a chain; 0 unless given. */
  readonly slots?: readonly number[]
  readonly manufacturer?: string
  readonly now?: Date
}

/** What the device measures unless it is told: a little of everything. */
const MEASUREMENTS: readonly ResponderMeasurement[] = [
  ...(['rom', 'firmware', 'hw-config', 'fw-config'] as const).map((type, i) => ({
    index: i + 1,
    type: MEASUREMENT_TYPE[type],
    form: 'content' as const,
    value: new TextEncoder().encode(`lab ${type}`),
    tcb: i < 2,
  })),
  {index: 0x10, type: MEASUREMENT_TYPE.svn, form: 'raw', value: SVN.encode({svn: 7n}), tcb: true},
  {
    index: MEASUREMENT_INDEX.deviceMode,
    type: MEASUREMENT_TYPE['device-mode'],
    form: 'raw',
    value: deviceMode([]),
    tcb: false,
  },
]

export interface LabDevice {
  readonly options: ResponderOptions
  /** DER of the vendor's root certificate: the trust anchor. */
  readonly root: Uint8Array
}

/** Makes keys and certificates, and everything a `Responder` needs. Throws TsmctlError `unsupported`. */
export async function createLabDevice(spec: LabDeviceSpec): Promise<LabDevice> {
  const {
    asym = 'ecdsa-p384',
    hash = 'sha384',
    measurementHash = 'sha384',
    exchange = 'secp384r1',
    aead = 'aes-256-gcm',
    model = 'device',
    slots = [0],
    manufacturer = 'Lab',
    now = new Date(),
    ...options
  } = spec
  const algorithm = asymNamed(asym)
  if (algorithm === undefined)
    throw new TsmctlError({kind: 'unsupported', attempted: 'make a lab device', got: `no algorithm is called ${asym}`})
  const [group] = [...DHE_GROUP, ...KEM].filter(({name}) => name === exchange)
  await loadCrypto(algorithm, group)
  const pki = await createPki(manufacturer, now, spec.random)
  const identity = `${manufacturer}:device:0`
  const {privateKey, spki} = generateSigningKey(algorithm)
  const certificates = [pki.root, pki.intermediate]
  if (model === 'alias') {
    const {device, alias} = await pki.alias(identity, sha384(concat(...MEASUREMENTS.map(({value}) => value))), spki)
    certificates.push(device, alias)
  } else certificates.push(await pki.leaf(identity, spki))
  return {
    root: pki.root,
    options: {
      measurements: MEASUREMENTS,
      ...options,
      slots: slots.map((slot): ResponderSlot => ({
        slot,
        certificates,
        model,
        sign: question => signQuestion(question, privateKey),
      })),
      algorithms: {
        hash: [hash],
        asym: [asym],
        measurementHash: [measurementHash],
        exchange: [exchange],
        aead: [aead],
      },
    },
  }
}
