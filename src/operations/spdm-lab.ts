/** `spdm respond`: a device of ours behind a TCP socket. */
import {quoted, TsmctlError} from '../errors.js'
import {environment, listenTcp, tcpName, type TcpAddress, writeUserFile} from '../kernel/index.js'
import {createLabDevice, createLabDsm, type LabDevice, type LabDeviceSpec, withDsm} from '../sim/index.js'
import {
  type AsymAlgorithm,
  BASE_ASYM,
  BASE_HASH,
  isHashSupported,
  type NamedBit,
  Responder,
  SPDM_VERSION,
} from '../spdm/index.js'
import {type BindingName, BINDINGS} from './spdm-binding.js'
import {isLoopback, parseAddress} from './spdm-endpoint.js'
import {type Served, serveSpdm} from './spdm-respond.js'

/** What a lab device speaks. */
export interface LabKind {
  /** `1.2`; all versions unless given. */
  readonly versions?: readonly string[] | undefined
  readonly asym?: string | undefined
  readonly hash?: string | undefined
  /** `doe` unless it is said. */
  readonly transport?: BindingName | undefined
}

export interface LabOptions extends LabKind {
  /** `HOST:PORT`; port 0 for any that is free. */
  readonly listen: string
  readonly allowRemote?: boolean | undefined
  /** File for the root certificate, in PEM. */
  readonly rootFile?: string | undefined
  readonly force?: boolean | undefined
  readonly signal: AbortSignal
  readonly onEvent?: ((line: string) => void) | undefined
}

export interface LabResult extends Served {
  readonly address: string
  readonly root: string | null
}

const PEM_LINE = /.{1,64}/g

const pem = (der: Uint8Array): Uint8Array => {
  const lines = Buffer.from(der).toString('base64').match(PEM_LINE) ?? []
  return new TextEncoder().encode(['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'))
}

const unknown = (what: string, name: string, known: readonly string[]): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: `use ${what} ${quoted(name)}`,
    got: 'nothing is called so',
    hint: `There is ${known.join(', ')}.`,
  })

function checked(what: string, table: readonly NamedBit[], name: string | undefined): string | undefined {
  if (name === undefined || table.some(row => row.name === name)) return name
  throw unknown(
    what,
    name,
    table.map(row => row.name),
  )
}

function versionOf(name: string): number {
  const version = (SPDM_VERSION as Readonly<Record<string, number>>)[name]
  if (version === undefined) throw unknown('SPDM version', name, Object.keys(SPDM_VERSION))
  return version
}

const isAvailable = ({kind}: AsymAlgorithm): boolean => kind !== 'sm2'

function specOf({versions, asym, hash}: LabKind): Omit<LabDeviceSpec, 'random'> {
  const base = checked('hash', BASE_HASH.filter(isHashSupported), hash)
  const signature = checked('signature algorithm', BASE_ASYM.filter(isAvailable), asym)
  return {
    ...(versions !== undefined && {versions: versions.map(versionOf)}),
    ...(signature !== undefined && {asym: signature}),
    ...(base !== undefined && {hash: base, measurementHash: base}),
  }
}

function addressOf({listen, allowRemote}: LabOptions): TcpAddress {
  const address = parseAddress(listen, 0)
  if (allowRemote || isLoopback(address)) return address
  throw new TsmctlError({
    kind: 'usage',
    attempted: `listen on ${tcpName(address)}`,
    got: 'other machines could reach it',
    hint: 'Listen on 127.0.0.1, or add --allow-remote.',
  })
}

const NANOSECONDS = 1e6

/** What any lab device of ours is: with a clock, and a heart that beats. */
const ACTIVE = {
  random: environment.random,
  monotonic: () => Number(environment.monotonic()) / NANOSECONDS,
  heartbeatPeriod: 60,
}

/** A device with fresh keys. Throws TsmctlError `usage` for names nobody knows, `unsupported` for what cannot be done. */
export async function labDeviceOf(kind: LabKind): Promise<LabDevice> {
  const {maxPadding, records} = BINDINGS[kind.transport ?? 'doe']
  const device = await createLabDevice({...specOf(kind), ...ACTIVE, maxPadding})
  return {...device, options: withDsm({...device.options, records}, createLabDsm(environment.random))}
}

/**
 * Makes a device with fresh keys and serves it until a client sends SHUTDOWN or `signal` is aborted. Throws TsmctlError
 * `usage`, `unsupported` for an algorithm that cannot be carried out here, or why it cannot listen.
 */
export async function respondOverTcp(options: LabOptions): Promise<LabResult> {
  const {rootFile, force, signal, onEvent} = options
  const address = addressOf(options)
  const device = await labDeviceOf(options)
  const listener = await listenTcp(address)
  try {
    if (rootFile !== undefined) writeUserFile(rootFile, pem(device.root), {force: force ?? false})
    const name = tcpName(listener.address)
    onEvent?.(`listening on ${name}`)
    const served = await serveSpdm(listener, new Responder(device.options), {
      signal,
      onEvent,
      binding: BINDINGS[options.transport ?? 'doe'],
    })
    return {...served, address: name, root: rootFile ?? null}
  } finally {
    listener.close()
  }
}
