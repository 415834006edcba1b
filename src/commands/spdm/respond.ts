import {Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {printablePath} from '../../errors.js'
import {respondOverTcp} from '../../operations/spdm-lab.js'
import {SPDM_PORT} from '../../operations/spdm-tcp-frame.js'

export default class SpdmRespond extends BaseCommand {
  static override summary = 'Be an SPDM responder over TCP, for trying out a requester'
  static override description =
    'Makes a device with fresh keys, certificates and measurements, and serves it in the frames of the DMTF emulator ' +
    'with its PCI_DOE or MCTP transport: one connection at a time, until a client sends SHUTDOWN or Ctrl-C ends it. ' +
    'It is a toy for laboratories: nothing about it is secret.'
  static override examples = [
    '<%= config.bin %> spdm respond --root-out root.pem',
    '<%= config.bin %> spdm respond --listen 127.0.0.1:4000 --spdm-version 1.3 --asym ecdsa-p256 --hash sha256',
  ]
  static override flags = {
    listen: Flags.string({
      description: 'address to listen on; port 0 takes any that is free',
      default: `127.0.0.1:${SPDM_PORT}`,
    }),
    'allow-remote': Flags.boolean({description: 'listen on an address that other machines can reach'}),
    'spdm-version': Flags.string({
      description: 'speak only this version, as in 1.2',
      multiple: true,
      multipleNonGreedy: true,
    }),
    asym: Flags.string({description: 'signature algorithm of its key, as in ecdsa-p384'}),
    hash: Flags.string({description: 'hash, as in sha384'}),
    transport: Flags.option({
      description: 'what messages are wrapped in',
      options: ['doe', 'mctp'] as const,
      default: 'doe' as const,
    })(),
    'root-out': Flags.string({description: 'write its root certificate (PEM) to this file'}),
    force: Flags.boolean({description: 'overwrite the file'}),
  }

  protected override readonly usesHost = false

  protected async act({signal, progress}: Session): Promise<Outcome> {
    const {flags} = await this.parse(SpdmRespond)
    const data = await respondOverTcp({
      listen: flags.listen,
      allowRemote: flags['allow-remote'],
      versions: flags['spdm-version'],
      asym: flags.asym,
      hash: flags.hash,
      transport: flags.transport,
      rootFile: flags['root-out'],
      force: flags.force,
      signal,
      onEvent: progress,
    })
    const root = data.root === null ? '' : `root certificate in ${printablePath(data.root)}\n`
    return {
      data,
      text: `${root}${data.address}: ${data.exchanges} exchanges in ${data.connections} connections, ended by ${data.ended === 'shutdown' ? 'a client' : 'the user'}\n`,
    }
  }
}
