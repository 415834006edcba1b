import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {forceFlag, writeAt, writtenLine} from '../../cli/bundle-files.js'
import {importFlags, importPath} from '../../cli/import-flags.js'
import {redactFlag} from '../../cli/redact.js'
import {bundleToJson} from '../../evidence/index.js'
import {chosenItem, type ImportedItem} from '../../operations/import-evidence.js'

export default class BundleImport extends BaseCommand {
  static override summary = 'Make an evidence bundle of what other tools wrote'
  static override description =
    'Reads evidence as NVIDIA tools write it (JSON), recorded netlink messages of the evidence families, captures of SPDM ' +
    '(pcap), what device-evidence dump wrote, and raw measurements with a PEM chain; the content tells which. The result ' +
    'can be verified and never leads to accept. A nonce that only the file names is not believed: give it with --nonce ' +
    'if it is the one you sent.'
  static override examples = [
    '<%= config.bin %> bundle import evidence.json --out gpu.tsmb.json',
    '<%= config.bin %> bundle import lab.pcap --out lab.tsmb.json',
  ]
  static override args = {
    evidence: Args.string({ignoreStdin: true, description: 'file or directory to read', required: true}),
  }
  static override flags = {
    out: Flags.string({
      description: 'bundle to write; a directory with one for each where the file is of several devices',
      required: true,
    }),
    ...forceFlag,
    ...importFlags,
    ...redactFlag,
  }

  protected async act({kernel}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(BundleImport)
    const all = await importPath(args.evidence, flags, kernel, this.config.userAgent)
    const items = flags.item === undefined ? all : [chosenItem(all, flags.item)]
    const [only, ...more] = items.map(({bundle}) => bundleToJson(bundle))
    const files = [only!, ...more].map(
      (text, index) => [`${index + 1}.tsmb.json`, new Uint8Array(Buffer.from(text))] as const,
    )
    writeAt(flags.out, more.length === 0 ? only! : new Map(files), flags.force)
    const data = {file: flags.out, items: items.map(itemView)}
    return {data, text: items.map(itemText).join('') + writtenLine(flags.out)}
  }
}

const itemView = ({name, bundle: {digest, manifest}, format, statedNonce}: ImportedItem) => ({
  name,
  format,
  digest,
  objects: manifest.objects.map(({label}) => label),
  nonce: manifest.nonce?.value ?? null,
  statedNonce,
})

function itemText(item: ImportedItem): string {
  const {digest, objects, name, format, nonce, statedNonce} = itemView(item)
  const doubt =
    nonce === null && statedNonce !== null
      ? `  no nonce: the file says ${statedNonce}, which proves nothing; if you sent it, add --nonce ${statedNonce}\n`
      : ''
  return `${name === null ? '' : `${name}: `}${digest}\n  ${format}: ${objects.join(', ')}\n${doubt}`
}
