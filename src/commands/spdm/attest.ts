import {Args, Flags} from '@oclif/core'
import {BaseCommand, type Outcome, type Session} from '../../cli/base-command.js'
import {policyKeyFlag, policySources} from '../../cli/policy-flag.js'
import {redactFlag} from '../../cli/redact.js'
import {printablePath} from '../../errors.js'
import {attest} from '../../operations/spdm-attest.js'
import {attestationText} from '../../operations/spdm-attest-text.js'

export default class SpdmAttest extends BaseCommand {
  static override summary = 'Ask a device directly who it is and what runs on it'
  static override description =
    'Speaks SPDM with a device, through its DOE mailbox or a TCP socket: negotiation, certificates, challenge, ' +
    'measurements, and with --session a secure session. Exit code 0 only when all that was asked was verified, which ' +
    'takes a trusted root; 4 when something is wrong, 10 when something could not be verified. Nothing here admits a ' +
    'device: what is locked, and for whom, is not among the questions.'
  static override examples = [
    '<%= config.bin %> spdm attest tcp://127.0.0.1:2323 --root root.pem',
    '<%= config.bin %> spdm attest tcp://127.0.0.1:2323 --root root.der --session --out lab.tsmb.json --transcript lab.pcap',
    '<%= config.bin %> spdm attest 0000:01:00.0 --use-mailbox --root vendor.pem',
  ]
  static override args = {
    device: Args.string({ignoreStdin: true, description: 'tcp://HOST:PORT, or a PCI function', required: true}),
  }
  static override flags = {
    root: Flags.string({
      description: 'root certificate that you trust, PEM or DER; several may be named',
      multiple: true,
      multipleNonGreedy: true,
    }),
    policy: Flags.string({
      description: 'policy file whose rule says which values are expected; several are merged',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...policyKeyFlag,
    slot: Flags.integer({
      description: 'slot of the certificate chain; otherwise the first that has one',
      min: 0,
      max: 7,
    }),
    'one-by-one': Flags.boolean({description: 'ask for every measurement by its index'}),
    raw: Flags.boolean({description: 'ask for raw values instead of digests, since 1.2'}),
    session: Flags.boolean({description: 'also open a secure session, and ask what TDISP and IDE_KM say in it'}),
    transport: Flags.option({
      description: 'what a responder behind TCP expects its messages in',
      options: ['doe', 'mctp'] as const,
      default: 'doe' as const,
    })(),
    shutdown: Flags.boolean({description: 'ask a responder behind TCP to end afterwards'}),
    'use-mailbox': Flags.boolean({
      description: "use a PCI function's DOE mailbox: refused where the kernel's TSM may use it too",
    }),
    timeout: Flags.integer({description: 'seconds for any one exchange', default: 10, min: 1, max: 3600}),
    out: Flags.string({description: 'write the evidence to this file, for tsmctl verify'}),
    transcript: Flags.string({description: 'write every exchange to this file (pcap), for tsmctl decode spdm'}),
    force: Flags.boolean({description: 'overwrite these files'}),
    ...redactFlag,
  }

  protected async act({kernel, signal, progress}: Session): Promise<Outcome> {
    const {args, flags} = await this.parse(SpdmAttest)
    const {attestation, bundle, transcript, error} = await attest(kernel, {
      device: args.device,
      roots: flags.root ?? [],
      policies: flags.policy ?? [],
      policySources: policySources(kernel, flags),
      slot: flags.slot,
      oneByOne: flags['one-by-one'],
      raw: flags.raw,
      session: flags.session,
      shutdown: flags.shutdown,
      transport: flags.transport,
      useMailbox: flags['use-mailbox'],
      timeout: flags.timeout * 1000,
      bundleFile: flags.out,
      transcriptFile: flags.transcript,
      force: flags.force,
      tool: this.config.userAgent,
      signal,
      onStep: progress,
    })
    const files = [bundle?.file, transcript].flatMap(file =>
      file == null ? [] : [`written to ${printablePath(file)}\n`],
    )
    return {
      data: {...attestation, bundle, transcript},
      text: attestationText(attestation) + files.join(''),
      error,
    }
  }
}
