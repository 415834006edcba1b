import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome} from '../../cli/base-command.js'
import {writtenLine} from '../../cli/bundle-files.js'
import {TsmctlError} from '../../errors.js'
import {readUserFile, writeUserFile} from '../../kernel/index.js'
import {importReferences} from '../../operations/reference/import.js'

export default class ReferenceImport extends BaseCommand {
  static override summary = 'Turn reference manifests into the values of a policy rule'
  static override description =
    'Checks signatures, validity and contents of one or several manifests as a rule would (measurements.source: corim or ' +
    'vendor-rim) and prints what they approve as YAML for measurements.source: inline.'
  static override examples = [
    '<%= config.bin %> reference import driver.xml vbios.xml --signer rim-root.pem --model NVIDIA:GH100',
    '<%= config.bin %> reference import widget.corim --unverified --out values.yaml',
  ]
  static override strict = false
  static override args = {
    file: Args.string({ignoreStdin: true, description: 'CoRIM or SWID XML files of one device', required: true}),
  }
  static override flags = {
    signer: Flags.string({description: 'certificate (PEM or DER) that the signatures must lead to'}),
    unverified: Flags.boolean({description: 'take the values of whoever wrote the file', exclusive: ['signer']}),
    model: Flags.string({description: 'vendor:model whose values are wanted, as in its certificate'}),
    out: Flags.string({description: 'write the YAML to this file instead'}),
    force: Flags.boolean({description: 'overwrite the file'}),
  }
  protected override readonly usesHost = false

  protected async act(): Promise<Outcome> {
    const {argv, flags} = await this.parse(ReferenceImport)
    if (flags.signer === undefined && !flags.unverified)
      throw new TsmctlError({
        kind: 'usage',
        attempted: 'import reference values',
        got: 'nobody is named who must have signed them',
        hint: 'Name the certificate with --signer; --unverified takes the values of whoever wrote the file.',
      })
    const data = await importReferences({
      files: (argv as string[]).map(name => ({name, bytes: readUserFile(name)})),
      signer: flags.signer === undefined ? undefined : {name: flags.signer, bytes: readUserFile(flags.signer)},
      model: flags.model,
      now: new Date(),
    })
    if (flags.out === undefined) return {data: {...data, file: null}, text: data.yaml}
    writeUserFile(flags.out, new Uint8Array(Buffer.from(data.yaml)), {force: flags.force})
    return {data: {...data, file: flags.out}, text: writtenLine(flags.out)}
  }
}
