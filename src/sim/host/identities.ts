/**
 * Keys and certificates of a host's devices that have none by themselves, because no TSM of a guest locks them: made when
 * somebody first needs them, and kept beside the machine.
 */
import {generateKeyPairSync} from 'node:crypto'
import {environment} from '../../kernel/index.js'
import {KINDS} from '../kinds.js'
import {type Dsm, type Identities, type Machine, type SimFunction, toBase64} from '../machine.js'
import {measurementRecord} from '../measured.js'
import {createPki, type DevicePki} from '../pki.js'
import {buildReport} from '../report.js'
import {ridOf} from '../../pci/index.js'
import {certificateChain, negotiation} from '../responder.js'
import type {MachineStore} from '../store.js'
import {hasIdentity} from './facts.js'

const OTHER_MODEL = 'SIMDEVICE'
const HASH = 'sha384'

const modelOf = ({ids}: SimFunction): string =>
  Object.values(KINDS).find(kind => kind.ids.classCode === ids.classCode)?.model ?? OTHER_MODEL

async function makeIdentity(fn: SimFunction, manufacturer: string, pki: DevicePki): Promise<Dsm> {
  const model = modelOf(fn)
  const identity = `${manufacturer}:${model}:${(fn.serialNumber ?? fn.bdf).replaceAll(/[-:.]/g, '')}`
  const {privateKey, publicKey} = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    publicKeyEncoding: {type: 'spki', format: 'der'},
    privateKeyEncoding: {type: 'pkcs8', format: 'der'},
  })
  const certificate = await pki.leaf(identity, new Uint8Array(publicKey))
  return {
    name: fn.bdf,
    interfaceId: ridOf(fn.bdf),
    mmioReportingOffset: '0',
    model,
    identity,
    key: toBase64(privateKey),
    slot: 0,
    hash: HASH,
    chain: toBase64(certificateChain([pki.root, pki.intermediate, certificate], HASH)),
    vca: toBase64(negotiation(HASH)),
    measurements: toBase64(measurementRecord(manufacturer, model, {measurements: [], mode: []})),
    // nobody locks an interface of a host's function here
    report: toBase64(buildReport({bars: [], msix: undefined, ranges: undefined, flags: [], offset: 1n})),
  }
}

async function makeIdentities({machineId, manufacturer, created, functions}: Machine): Promise<Identities> {
  const pki = await createPki(manufacturer, new Date(created), environment.random)
  const devices: Record<string, Dsm> = {}
  for (const fn of functions)
    if (fn.dsm === null && hasIdentity(fn)) devices[fn.bdf] = await makeIdentity(fn, manufacturer, pki)
  return {machineId, root: toBase64(pki.root), devices}
}

/** A machine may be opened many times in one process, and copied. */
const made = new Map<string, Promise<Identities>>()

/** What `store` keeps of its devices, made now unless it was before. */
export async function identitiesOf(store: MachineStore): Promise<Identities> {
  const known = store.identities()
  if (known !== undefined) return known
  const {machine} = store
  const making = made.get(machine.machineId) ?? makeIdentities(machine)
  made.set(machine.machineId, making)
  return store.keepIdentities(await making)
}
