/**
 * The fast path: hot read-only commands without loading oclif. It accepts only a command line it understands completely
 * and declines everything else, so that oclif stays the single authority; a test compares both byte for byte.
 */
import {emit, talk} from '../cli/emit.js'
import {envelope, envelopeText} from '../cli/envelope.js'
import {listNotes, listText} from '../cli/list-output.js'
import {VERSION} from '../version.js'
import type {Kernel} from '../kernel/index.js'
import {announcingWaits} from '../operations/attentive.js'
import {listDevices} from '../operations/list.js'

interface Line {
  readonly host: string
  readonly json: boolean
}

/** `list [--json|-J] [--host VALUE]` in any order; undefined for everything else. */
function parse(argv: readonly string[]): Line | undefined {
  if (argv[0] !== 'list') return undefined
  const line = {host: process.env['TSMCTL_HOST'] ?? 'live', json: false}
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i]
    if (word === '--json' || word === '-J') line.json = true
    else if (word === '--host' && argv[i + 1] !== undefined && !argv[i + 1]!.startsWith('-')) line.host = argv[++i]!
    else return undefined
  }
  return line
}

async function list({json}: Line, kernel: Kernel, decline: () => void): Promise<void> {
  let data
  try {
    data = await listDevices(json ? kernel : announcingWaits(kernel, line => talk(`${line}\n`)))
  } catch {
    // whatever went wrong is explained in one place only
    kernel.close()
    decline()
    return
  }
  if (json) emit(envelopeText(envelope('list', kernel.host, data, [], undefined)))
  else {
    for (const line of listNotes(kernel, data)) talk(`${line}\n`)
    emit(listText(data))
  }
  kernel.close()
}

export type Fast = (argv: readonly string[], decline: () => void) => void

/** Runs the command line on a host that `open` knows, or calls `decline` when oclif has to. */
export const fastWith =
  (open: (host: string) => Kernel | undefined): Fast =>
  (argv, decline) => {
    if (process.env['TSMCTL_FAST'] === '0') return decline()
    if (argv.length === 1 && argv[0] === '--version')
      return emit(`tsmctl/${VERSION} ${process.platform}-${process.arch} node-v${process.versions.node}\n`)
    const line = parse(argv)
    if (line === undefined) return decline()
    let kernel: Kernel | undefined
    try {
      kernel = open(line.host)
    } catch {
      return decline()
    }
    if (kernel === undefined) return decline()
    void list(line, kernel, decline)
    return undefined
  }
