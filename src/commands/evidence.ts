import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../cli/base-command.js'
import {bdfArgument, parseBdfs} from '../cli/bdf-args.js'
import {redactFlag} from '../cli/redact.js'
import {fromHex} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {bundleToJson} from '../evidence/index.js'
import {statUserFile, writeUserFile} from '../kernel/index.js'
import {collectEvidence} from '../operations/collect.js'
import {evidenceText, evidenceView} from '../operations/evidence-view.js'

export default class Evidence extends BaseCommand {
  static override summary = 'Collect and freeze the evidence of a locked TDI'
  static override description =
    'Draws a fresh nonce, reads certificates, measurements, negotiation and interface report with the digests the TSM ' +
    'holds of them, and freezes everything under one evidence digest. Nothing is judged here: that is verify.'
  static override examples = ['<%= config.bin %> evidence 0000:01:00.0 --out gpu.tsmb.json']
  static override args = bdfArgument
  static override flags = {
    out: Flags.string({description: 'also write the bundle to this file'}),
    force: Flags.boolean({description: 'overwrite the file'}),
    ...redactFlag,
    nonce: Flags.string({
      description: "a relying party's nonce in hexadecimal; ours is then derived from it and fresh random",
    }),
  }

  protected async act({kernel, signal}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(Evidence)
    const [bdf] = parseBdfs([args.bdf])
    const relyingPartyNonce = flags.nonce === undefined ? undefined : nonceBytes(flags.nonce)
    // before the collection, which makes evidence collected earlier worthless
    if (flags.out !== undefined && !flags.force && statUserFile(flags.out) !== undefined) throw fileExists(flags.out)
    const bundle = await collectEvidence(kernel, bdf!, {signal, relyingPartyNonce, tool: this.config.userAgent})
    if (flags.out !== undefined)
      writeUserFile(flags.out, new Uint8Array(Buffer.from(bundleToJson(bundle))), {force: flags.force, mode: 0o600})
    const data = {...evidenceView(bundle), file: flags.out ?? null}
    return {data, text: evidenceText(bundle) + (flags.out === undefined ? '' : `written to ${flags.out}\n`)}
  }
}

const fileExists = (path: string): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: `write ${path}`,
    path,
    got: 'there is a file already, and no evidence was collected',
    hint: 'Name another file, or overwrite it with --force.',
  })

function nonceBytes(text: string): Uint8Array {
  try {
    const bytes = fromHex(text)
    if (bytes.length > 0 && bytes.length <= 64) return bytes
  } catch {
    // falls through to the same explanation
  }
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'use the nonce',
    got: 'not 1 to 64 bytes in hexadecimal',
    hint: 'For example --nonce "$(openssl rand -hex 32)"',
  })
}
