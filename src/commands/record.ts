import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {writeUserFile} from '../kernel/index.js'
import {recordMachine} from '../operations/record.js'

export default class Record extends BaseCommand {
  static override summary = 'Record this machine into one file, to replay anywhere'
  static override description =
    'Writes everything that the read verbs read into a capture: one JSON file with one node per line, that a person can ' +
    'read and edit. Attach it to a bug report; --anonymise leaves out serial numbers and evidence.'
  static override examples = [
    '<%= config.bin %> record machine.json --anonymise',
    '<%= config.bin %> list --host replay:machine.json',
  ]
  static override args = {file: Args.string({ignoreStdin: true, description: 'file to write', required: true})}
  static override flags = {
    anonymise: Flags.boolean({description: 'leave out what identifies this one machine'}),
    force: Flags.boolean({description: 'overwrite the file'}),
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(Record)
    const {anonymise = false} = flags
    const {text, functions, nodes} = await recordMachine(kernel, {anonymise, signal})
    writeUserFile(args.file, new Uint8Array(Buffer.from(text)), {force: flags.force, mode: 0o600})
    return {
      data: {file: args.file, functions, nodes, anonymised: anonymise},
      text: `${args.file}: ${functions} functions, ${nodes} nodes; replay with --host replay:${args.file}\n`,
    }
  }
}
