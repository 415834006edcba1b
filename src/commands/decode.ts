import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../cli/base-command.js'
import {redactFlag} from '../cli/redact.js'
import {table} from '../operations/text-table.js'
import {fromHex} from '../bits/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {readStandardInput, readUserFile} from '../kernel/index.js'
import {CONFIG_SPACE} from '../operations/composites.js'
import {decodeDump} from '../operations/decode-dump.js'
import {decode, decodeKinds, inputBytes, parseContext} from '../operations/decode.js'
import {decodeSpdmBytes, SPDM} from '../operations/decode-spdm-message.js'

export default class Decode extends BaseCommand {
  static override summary = 'Decode any structure tsmctl knows'
  static override description =
    'Reads binary or hexadecimal bytes from a file, standard input or --hex, and prints every field with its offset. ' +
    'Bytes that are not exactly one such structure are refused with the place and the reason (exit code 5). ' +
    'config-space also takes the text of lspci -x to -xxxx and captures, with any number of devices. ' +
    'spdm takes any SPDM message, and pcap and pcapng files of link type MCTP or PCI_DOE as a conversation.'
  static override examples = [
    '<%= config.bin %> decode --list',
    '<%= config.bin %> decode tdisp-interface-report report.bin',
    'lspci -Dxxxx | <%= config.bin %> decode config-space --device 0000:01:00.0',
    '<%= config.bin %> decode spdm-version --hex "10 04 00 00 00 01 00 12"',
    '<%= config.bin %> decode spdm --hex "12 7f 01 00"',
    '<%= config.bin %> decode spdm session.pcap',
    '<%= config.bin %> decode spdm session.pcap --full --dhe-secret "$SECRET"',
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
    full: Flags.boolean({description: 'spdm: every field of every message of a capture'}),
    'dhe-secret': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'spdm: what KEY_EXCHANGE agreed on, in hexadecimal; again for each further session, in order',
    }),
    psk: Flags.string({description: 'spdm: the pre-shared key, in hexadecimal'}),
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
    const context = parseContext(flags.context ?? [])
    const observing = {
      full: flags.full,
      context,
      secrets: {
        exchange: (flags['dhe-secret'] ?? []).map(text => secretOf('--dhe-secret', text)),
        psk: flags.psk === undefined ? undefined : secretOf('--psk', flags.psk),
      },
    }
    const isSpdm = args.kind === SPDM.kind
    const conversation =
      isSpdm && flags.hex === undefined && flags.format !== 'hex'
        ? await (await import('../operations/decode-spdm.js')).decodeSpdmCapture(content, observing)
        : undefined
    if (conversation !== undefined) return conversation
    if (flags.full || flags['dhe-secret'] !== undefined || flags.psk !== undefined) throw noConversation(args.kind)
    const bytes = inputBytes(content, flags.hex === undefined ? flags.format : 'hex')
    if (isSpdm) return decodeSpdmBytes(bytes, context)
    const {text, ...data} = await decode(args.kind, bytes, context)
    return {data, text}
  }
}

/** Bytes of a secret from the command line. What was given is not repeated: it may be a secret with a typing error. */
function secretOf(flag: string, text: string): Uint8Array {
  try {
    const bytes = fromHex(text)
    if (bytes.length > 0) return bytes
  } catch {
    // said below for both
  }
  throw new TsmctlError({kind: 'usage', attempted: `use ${flag}`, got: 'not an even number of hexadecimal digits'})
}

const noConversation = (kind: string): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: `decode ${quoted(kind)} with --full, --dhe-secret or --psk`,
    got: 'the input is not a capture file of SPDM',
    hint: 'They belong to decode spdm with a pcap or pcapng file.',
  })

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
