import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {bundleAlone, bundleArgument, forceFlag, readBundleAt, writeAt, writtenLine} from '../../cli/bundle-files.js'
import {TsmctlError} from '../../errors.js'
import type {Bundle} from '../../evidence/index.js'
import {readUserFile} from '../../kernel/index.js'
import {bundleAs, EXPORT_FORMATS, type ExportFormat} from '../../operations/bundle.js'

/** Media type of what is signed. */
const CONTENT_TYPE: Readonly<Record<ExportFormat, string>> = {
  'cmw-json': 'application/cmw+json',
  'cmw-cbor': 'application/cmw+cbor',
  'eat-da': 'application/eat+cwt',
}

export default class BundleExport extends BaseCommand {
  static override summary = 'Write evidence for other verifiers'
  static override description =
    'As a collection of conceptual messages (CMW) in JSON, which is how bundles are stored, or in CBOR; or as an entity ' +
    'attestation token (EAT) of the profile for device assignment. The token cannot say everything: what is left out is ' +
    'listed. With --key, the whole is signed as COSE_Sign1.'
  static override examples = [
    '<%= config.bin %> bundle export gpu.tsmb.json --format eat-da --out gpu.eat',
    '<%= config.bin %> bundle export gpu.tsmb.json --format cmw-cbor --key key.pem --out gpu.cose',
  ]
  static override args = bundleArgument
  static override flags = {
    format: Flags.option({description: 'what to write', options: EXPORT_FORMATS, required: true})(),
    out: Flags.string({description: 'file to write', required: true}),
    key: Flags.string({description: 'sign with this private key (PEM: EC or Ed25519)'}),
    ...forceFlag,
  }
  protected override readonly usesHost = false

  protected async act({warn}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(BundleExport)
    const {format} = flags
    const bundle = bundleAlone(await readBundleAt(args.bundle), warn)
    const {bytes, leftOut, submodule} = await exported(bundle, format)
    const written = flags.key === undefined ? bytes : await signed(bytes, CONTENT_TYPE[format], flags.key)
    writeAt(flags.out, written, flags.force)
    for (const what of leftOut) warn('left-out', `left out: ${what}`)
    const data = {
      digest: bundle.digest,
      format,
      signed: flags.key !== undefined,
      bytes: written.length,
      submodule,
      leftOut,
      file: flags.out,
    }
    return {data, text: `${submodule === null ? '' : `${submodule}\n`}${writtenLine(flags.out)}`}
  }
}

async function exported(bundle: Bundle, format: ExportFormat) {
  if (format === 'eat-da') {
    const {deviceAssignmentToken} = await import('../../operations/export-eat.js')
    const {token, submodule, leftOut} = await deviceAssignmentToken(bundle)
    return {bytes: token, submodule, leftOut}
  }
  const written = await bundleAs(bundle, format === 'cmw-json' ? 'json' : 'cbor')
  const bytes = written instanceof Uint8Array ? written : new Uint8Array(Buffer.from(written as string))
  return {bytes, submodule: null, leftOut: []}
}

async function signed(bytes: Uint8Array, contentType: string, path: string): Promise<Uint8Array> {
  const {loadCoseSigner} = await import('../../corim/index.js')
  const {signSign1} = await loadCoseSigner()
  const pem = Buffer.from(readUserFile(path)).toString('latin1')
  if (pem.includes('ENCRYPTED'))
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'sign with the key',
      path,
      got: 'it is encrypted',
      hint: 'Give a key that is not, by a pipe for instance: --key <(openssl pkey -in key.pem).',
    })
  return signSign1(bytes, contentType, pem)
}
