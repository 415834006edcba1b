/**
 * SPDM 1.3 with alias certificates: root, CA, the device's own CA, and a leaf the device made for its firmware; each of
 * the last two describes a DICE layer. Blocks include the manifest, the security version and the device mode.
 */
import * as x509 from '@peculiar/x509'
import {der, dmtfExtension, extension, oid} from '../../spdm/authority.js'
import {
  basic,
  type Block,
  BLOCKS,
  certificate,
  type CertificateSpec,
  certificates,
  chainObject,
  type ChainSpec,
  deviceInfo,
  type Forgery,
  IDENTITY,
  KEYS,
  referenceTo,
  ruleWith,
  sha384,
  Usage,
  usage,
} from '../forge.js'
import {baseOf} from './base.js'
import {negotiated} from './negotiation.js'

const DMTF = '1.3.6.1.4.1.412.274'
/** DMTF OIDs of a certificate that stands for the hardware, and of one that changes with the firmware. */
export const HARDWARE_IDENTITY = `${DMTF}.2`
export const MUTABLE_CERTIFICATE = `${DMTF}.5`
const TCB_INFO = '2.23.133.5.4.1'
const SHA384_OID = '2.16.840.1.101.3.4.2.2'

export interface LayerSpec {
  readonly svn?: number
  readonly fwid?: Uint8Array
  /** BIT STRING of OperationalFlags: the number of unused bits, then the bits. */
  readonly flags?: Uint8Array
  /** Further fields, encoded. */
  readonly more?: readonly Uint8Array[]
}

const fwid = (text: string): Uint8Array => sha384(new TextEncoder().encode(text))
/** What each layer is: its firmware and its security version. */
export const LAYERS: readonly LayerSpec[] = [
  {svn: 3, fwid: fwid('layer 0')},
  {svn: 5, fwid: fwid('layer 1')},
]

/** TcbInfo of `layer` (TCG DICE Attestation Architecture 1.1 §6.1.1). */
export const tcbInfoOf = (layer: number, change: LayerSpec = {}): Uint8Array => {
  const {svn = 0, fwid: digest, flags, more = []} = {...LAYERS[layer], ...change}
  return der(
    0x30,
    der(0x83, Uint8Array.of(svn)),
    der(0x84, Uint8Array.of(layer)),
    ...(digest ? [der(0xa6, der(0x30, oid(SHA384_OID), der(0x04, digest)))] : []),
    ...(flags ? [der(0x87, flags)] : []),
    ...more,
  )
}

export interface AliasSpec extends ChainSpec {
  /** The device certificate, between CA and alias leaf. */
  readonly device?: CertificateSpec
  /** Content of the TcbInfo of each layer. */
  readonly layers?: readonly [Uint8Array, Uint8Array]
  /** Marks of the alias leaf. */
  readonly marks?: readonly x509.Extension[]
}

const signs = [basic(false), usage(Usage.digitalSignature)]

/** Root, CA, device certificate and alias leaf. */
export async function aliasCertificates(spec: AliasSpec = {}): Promise<Uint8Array[]> {
  const {root, ca, device = {}, leaf = {}, layers = [tcbInfoOf(0), tcbInfoOf(1)]} = spec
  const {marks = [dmtfExtension(MUTABLE_CERTIFICATE)]} = spec
  const upper = await certificates({...(root && {root}), ...(ca && {ca})})
  const deviceKeys = device.keys ?? KEYS.device
  return [
    ...upper.slice(0, 2),
    await certificate(device, {
      keys: deviceKeys,
      serial: '04',
      name: 'Device',
      issuer: 'CA',
      signer: KEYS.ca,
      extensions: [
        basic(true),
        usage(Usage.keyCertSign),
        deviceInfo(IDENTITY),
        dmtfExtension(HARDWARE_IDENTITY),
        extension(TCB_INFO, layers[0]),
      ],
    }),
    await certificate(leaf, {
      keys: KEYS.leaf,
      serial: '05',
      name: 'Alias',
      issuer: 'Device',
      signer: deviceKeys,
      extensions: [...signs, deviceInfo(IDENTITY), ...marks, extension(TCB_INFO, layers[1])],
    }),
  ]
}

/** The forgery whose chain is made to measure. */
export const aliasChain = (spec: AliasSpec) => async (): Promise<Forgery> => ({
  chain: chainObject(await aliasCertificates(spec)),
})

const manifest: Block = {index: 253, type: 'manifest', value: fwid('manifest')}
/** Ordered by index, as a device sends them. */
export const ALIAS_BLOCKS: readonly Block[] = [...BLOCKS, manifest].sort((a, b) => a.index - b.index)
export const withAliasBlock = (index: number, change: Partial<Block>): readonly Block[] =>
  ALIAS_BLOCKS.map(block => (block.index === index ? {...block, ...change} : block))

/** What the two sides of G2 agreed on. */
export const ALIAS_VCA = negotiated(0x13, {aliasCertCap: true})

export const ALIAS_RULE = {
  spdm: {minVersion: '1.3', certModel: 'alias'},
  measurements: {source: 'inline', values: ALIAS_BLOCKS.map(referenceTo)},
  dice: {minSvn: 1},
}

/** The base policy of G2 with other keys in its rule. */
export const aliasRuleWith = (change: object): object => ruleWith({...ALIAS_RULE, ...change})

export const G2 = baseOf(
  'G2',
  {
    vca: ALIAS_VCA,
    chain: chainObject(await aliasCertificates()),
    transcript: {version: 0x13, blocks: ALIAS_BLOCKS},
  },
  aliasRuleWith({}),
)
