/** Manifests of a vendor who signs reference values: a RIM root, and a signer below it. */
import {toHex} from '../../../src/bits/index.js'
import {type ManifestSpec, corim, digests, type SigningSpec, measured, signedCorim, Tag} from '../../corim/manifests.js'
import {
  basic,
  type Block,
  BLOCKS,
  certificate,
  type CertificateSpec,
  DOCUMENT,
  KEYS,
  privateKey,
  RULE,
  sha384,
  Usage,
  usage,
  withFiles,
} from '../forge.js'

const rootDefaults = {
  keys: KEYS.otherRoot,
  name: 'RIM root',
  issuer: 'RIM root',
  signer: KEYS.otherRoot,
  extensions: [basic(true), usage(Usage.keyCertSign)],
}
export const RIM_ROOT = await certificate({}, rootDefaults)
const SIGNER_DEFAULTS = {
  keys: KEYS.otherLeaf,
  name: 'RIM signer',
  issuer: 'RIM root',
  signer: KEYS.otherRoot,
  extensions: [basic(false), usage(Usage.digitalSignature)],
}
export const rimSigner = (spec: CertificateSpec = {}): Promise<Uint8Array> => certificate(spec, SIGNER_DEFAULTS)
export const RIM_SIGNER = await rimSigner()
export const SIGNER_KEY = await privateKey(KEYS.otherLeaf)

/** What a manifest says of a block. */
export const measurementOf = ({index, type, raw, value}: Block): unknown =>
  type === 'svn'
    ? measured(index, {1: new Tag(553, 5)})
    : raw
      ? measured(index, {4: new Tag(560, value)})
      : measured(index, {2: digests(value)})

const x5chain = (der: Uint8Array): SigningSpec => ({key: SIGNER_KEY, header: {33: der}})

/** A signed manifest of `blocks`. */
export const manifestOf = (
  spec: ManifestSpec = {measurements: BLOCKS.map(measurementOf)},
  signing: SigningSpec = x5chain(RIM_SIGNER),
): Uint8Array => signedCorim(corim(spec), signing)
export const GOOD = manifestOf()

export const FILE = 'rim/widget.corim'
const digest = (der: Uint8Array): string => `sha384:${toHex(sha384(der))}`

/** The base document, comparing with the files of the given content. */
export function documentFor(
  manifests: readonly Uint8Array[],
  {
    rim = {},
    document = {},
    rule = {},
  }: {readonly rim?: object; readonly document?: object; readonly rule?: object} = {},
): typeof DOCUMENT {
  const files = new Map(manifests.map((bytes, i) => [i === 0 ? FILE : `rim/${i}.corim`, bytes]))
  const sources = [...files.keys()].map(file => ({file, signer: 'acme-rim', ...rim}))
  return withFiles(
    {
      ...DOCUMENT,
      rimSigners: {'acme-rim': [{label: 'ACME RIM root', certSha384: digest(RIM_ROOT), file: 'rim/root.der'}]},
      ...document,
      rules: [{...RULE, measurements: {source: 'corim', rim: sources}, ...rule}],
    } as unknown as typeof DOCUMENT,
    new Map([...files, ['rim/root.der', RIM_ROOT]]),
  )
}
