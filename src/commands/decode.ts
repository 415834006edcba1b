import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../cli/base-command.js'
import {redactFlag} from '../cli/redact.js'
import {table} from '../operations/text-table.js'
import {quoted, TsmctlError} from '../errors.js'
import {readStandardInput, readUserFile} from '../kernel/index.js'
import {CONFIG_SPACE} from '../operations/composites.js'
import {decodeDump} from '../operations/decode-dump.js'
import {decode, decodeKinds, inputBytes, parseContext} from '../operations/decode.js'

export default class Decode extends BaseCommand {
  static override summary = 'Decode any structure tsmctl knows'
  static override description =
    'Reads binary or hexadecimal bytes from a file, standard input or --hex, and prints every field with its offset. ' +
    'Bytes that are not exactly one such structure are refused with the place and the reason (exit code 5). ' +
    'config-space also takes the text of lspci -x to -xxxx and captures, with any number of devices.'
  static override examples = [
    '<%= config.bin %> decode --list',
    '<%= config.bin %> decode tdisp-interface-report report.bin',
    'lspci -Dxxxx | <%= config.bin %> decode config-space --device 0000:01:00.0',
    '<%= config.bin %> decode spdm-version --hex "10 04 00 00 00 01 00 12"',
  ]
  static override args = {
    kind: Args.string({ignoreStdin: true, description: 'structure to decode; --list names them'}),
    file: Args.string({ignoreStdin: true, description: 'file to read, - or nothing for standard input'}),
  }
  static override flags = {
    list: Flags.boolean({description: 'list the kinds'}),
    ...redactFlag,
    hex: Flags.string({description: 'the bytes themselves, in hexadecimal'}),
    format: Flags.option({options: ['auto', 'binary', 'hex'] as const, default: 'auto' as const})({
      description: 'form of the input; auto takes text of hexadecimal digits as such',
    }),
    device: Flags.string({description: 'the one function to decode of an lspci -xxxx text or a capture'}),
    context: Flags.string({multiple: true, description: 'value the structure needs from outside, as name=number'}),
  }

  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {args, flags} = await this.parse(Decode)
    if (flags.list) return kindList()
    if (args.kind === undefined)
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'decode',
        got: 'no kind given',
        hint: 'tsmctl decode --list names the kinds.',
      })
    const content =
      flags.hex !== undefined
        ? new Uint8Array(Buffer.from(flags.hex))
        : args.file === undefined || args.file === '-'
          ? await readStandardInput()
          : readUserFile(args.file)
    const dump =
      args.kind === CONFIG_SPACE.kind && flags.hex === undefined && flags.format === 'auto'
        ? decodeDump(content, flags.device)
        : undefined
    if (dump !== undefined) return dump
    if (flags.device !== undefined) throw noSuchDevice(flags.device)
    const bytes = inputBytes(content, flags.hex === undefined ? flags.format : 'hex')
    const {text, ...data} = await decode(args.kind, bytes, parseContext(flags.context ?? []))
    return {data, text}
  }
}

const noSuchDevice = (device: string): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: `decode device ${quoted(device)}`,
    got: 'the input is not a dump of devices',
    hint: '--device picks from what decode config-space takes: the text of lspci -xxxx, or a capture made by record.',
  })

function kindList(): Outcome {
  const kinds = decodeKinds()
  const rows = kinds.map(({kind, name, spec, context}) => [kind, name, spec, Object.keys(context).join(' ')])
  return {data: {kinds}, text: table(['KIND', 'STRUCTURE', 'SPECIFICATION', 'CONTEXT'], rows)}
}
