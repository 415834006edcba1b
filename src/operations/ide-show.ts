/** `ide show`: everything about the IDE of one function, host bridge or stream. */
import {printable, quoted, TsmctlError} from '../errors.js'
import {
  type Fabric,
  type IdeAccount,
  type IdeFinding,
  type LinkStreamAccount,
  type StreamAccount,
  subjectOf,
} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {parseBdf} from '../pci/index.js'
import type {IdeView} from '../tsm/index.js'
import {readIdeView} from './ide-view.js'
import {type BlockView, blockView} from './ide-blocks.js'
import {type BridgeRow, bridgeRow, linkStreamRow, type PortRow, portRow, type StreamRow, streamRow} from './ide-rows.js'
import {ideShowText} from './ide-show-text.js'

export interface StreamView extends StreamRow {
  /** The blocks of both ends; null where there is none, or none was read. */
  readonly nearBlock: BlockView | null
  readonly farBlock: BlockView | null
}

export interface IdeSubject {
  readonly subject: string
  readonly kind: 'function' | 'bridge' | 'stream'
  readonly bridge: BridgeRow | null
  readonly port: PortRow | null
  /** Why a function has no port here: it has no IDE capability, or is virtual. */
  readonly note: string | null
  /** What the capability supports; null without one. */
  readonly supports: readonly string[] | null
  /** All blocks of a function. */
  readonly blocks: readonly BlockView[]
  readonly streams: readonly StreamView[]
  /** What the decoder of the registers has to say about them. */
  readonly remarks: readonly string[]
  readonly findings: readonly IdeFinding[]
}

type AnyEnd = StreamAccount['rootPort'] | LinkStreamAccount['upper']

type Registers = Parameters<typeof blockView>[1]

const FOREIGN = 'foreign'

const nameOf = ({bridge, name}: {readonly bridge: string | null; readonly name: string | null}): string | null =>
  name === null ? null : `${bridge}/${name}`

const touches = ({near, far}: StreamRow, bdf: string): boolean => near?.bdf === bdf || far?.bdf === bdf

const EMPTY = {bridge: null, port: null, note: null, supports: null, blocks: [], remarks: []} as const

const SUPPORTED = [
  ['linkSupported', 'Link streams'],
  ['selectiveSupported', 'Selective streams'],
  ['flowThrough', 'flow-through'],
  ['partialHeaderEncryption', 'partial header encryption'],
  ['aggregation', 'aggregation'],
  ['pcrc', 'PCRC'],
  ['ideKm', 'IDE_KM'],
  ['selectiveConfig', 'Selective IDE for configuration requests'],
  ['teeLimited', 'TEE-limited streams'],
  ['xt', 'XT'],
] as const

class Shower {
  readonly #fabric: Fabric
  readonly #account: IdeAccount
  readonly #streams: readonly StreamView[]
  /** Functions whose IDE Linux makes no use of. */
  readonly #ignored: ReadonlySet<string>

  constructor({fabric, account}: IdeView) {
    this.#fabric = fabric
    this.#account = account
    const {streams, linkStreams, ports} = this.#account
    this.#ignored = new Set(ports.flatMap(({bdf, ignored}) => (ignored === null ? [] : [bdf])))
    this.#streams = [
      ...streams.map(stream => this.#selective(stream)),
      ...linkStreams.map(stream => ({
        ...linkStreamRow(stream),
        nearBlock: this.#end(stream.upper, FOREIGN),
        farBlock: this.#end(stream.lower, FOREIGN),
      })),
    ]
  }

  #block(bdf: string, registers: Registers, owner: string | null): BlockView {
    return blockView(bdf, registers, owner, this.#ignored.has(bdf))
  }

  #end(end: AnyEnd, owner: string): BlockView | null {
    return end?.known ? this.#block(end.value.bdf, end.value.registers, owner) : null
  }

  #selective(stream: StreamAccount): StreamView {
    const owner = nameOf(stream) ?? FOREIGN
    return {
      ...streamRow(stream),
      nearBlock: this.#end(stream.rootPort, owner),
      farBlock: this.#end(stream.endpoint, owner),
    }
  }

  #findings(of: (subject: string) => boolean): IdeFinding[] {
    return this.#account.findings.filter(({subject}) => of(subject))
  }

  fn(bdf: string): IdeSubject | undefined {
    const fn = this.#fabric.functions.find(other => other.bdf === bdf)
    if (fn === undefined) return undefined
    const account = this.#account.ports.find(port => port.bdf === bdf)
    const streams = this.#streams.filter(stream => touches(stream, bdf))
    const subjects = new Set([bdf, ...streams.map(nameOf)])
    const ide = account === undefined ? undefined : valueOf(account.ide)
    const owner = (block: number, enabled: boolean): string | null => {
      const own = streams.find(
        ({kind, near, far}) => kind === 'selective' && [near, far].some(end => end?.bdf === bdf && end.block === block),
      )
      return own === undefined ? (enabled ? FOREIGN : null) : (nameOf(own) ?? FOREIGN)
    }
    const absent = fn.physfn === null ? 'it has no IDE capability' : `it is a virtual function of ${fn.physfn}`
    return {
      ...EMPTY,
      subject: bdf,
      kind: 'function',
      port: account === undefined ? null : portRow(account),
      note: account === undefined ? absent : null,
      supports: ide === undefined ? null : SUPPORTED.flatMap(([field, name]) => (ide.capability[field] ? [name] : [])),
      blocks: [
        ...(ide?.linkStreams ?? []).map(block => this.#block(bdf, block, block.enabled ? FOREIGN : null)),
        ...(ide?.selectiveStreams ?? []).map(block => this.#block(bdf, block, owner(block.index, block.enabled))),
      ],
      streams,
      remarks: ide?.findings.map(({path, message}) => `${path}: ${message}`) ?? [],
      findings: this.#findings(subject => subjects.has(subject)),
    }
  }

  bridge(name: string): IdeSubject | undefined {
    const bridge = this.#account.bridges.find(other => other.name === name)
    if (bridge === undefined) return undefined
    const below = new Set(this.#account.ports.flatMap(port => (port.bridge === name ? [port.bdf] : [])))
    return {
      ...EMPTY,
      subject: name,
      kind: 'bridge',
      bridge: bridgeRow(bridge),
      streams: this.#streams.filter(stream => stream.bridge === name),
      findings: this.#findings(subject => subject === name || subject.startsWith(`${name}/`) || below.has(subject)),
    }
  }

  /** `streamH.R.E` of every host bridge that has it, or of the one that is named. */
  streams(bridge: string | undefined, name: string): IdeSubject[] {
    return this.#account.streams
      .filter(stream => stream.name === name && (bridge === undefined || stream.bridge === bridge))
      .map(stream => {
        const subject = subjectOf(stream)
        const view = this.#selective(stream)
        const ends = new Set([subject, view.near?.bdf, view.far?.bdf])
        return {...EMPTY, subject, kind: 'stream', streams: [view], findings: this.#findings(at => ends.has(at))}
      })
  }
}

const BRIDGE = /^pci[0-9a-f]{4,8}:[0-9a-f]{2}$/
const STREAM = /^(?:(pci[0-9a-f]{4,8}:[0-9a-f]{2})\/)?(stream\d{1,3}\.\d{1,3}\.\d{1,3})$/

function subjectsOf(shower: Shower, text: string): readonly IdeSubject[] {
  const stream = STREAM.exec(text)
  if (stream !== null) return shower.streams(stream[1], stream[2]!)
  const found = BRIDGE.test(text) ? shower.bridge(text) : shower.fn(functionOf(text))
  return found === undefined ? [] : [found]
}

function functionOf(text: string): string {
  try {
    return parseBdf(text)
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: 'usage',
      attempted: `show the IDE of ${quoted(text)}`,
      got: 'it is no PCI function, host bridge or stream',
      hint: 'As in 01:00.0, pci0000:00, stream0.0.0 or pci0000:00/stream0.0.0.',
    })
  }
}

export interface IdeShown {
  readonly subjects: readonly IdeSubject[]
  readonly text: string
  /** The first of the names that this machine does not know. */
  readonly error: TsmctlError | undefined
}

/**
 * Shows what each of `names` is: a BDF, `pciDDDD:BB`, `streamH.R.E` or `pciDDDD:BB/streamH.R.E`. Throws TsmctlError
 * `usage` for what is none of these, ErrnoError when there is no PCI bus, and EINTR on abort.
 */
export async function showIde(kernel: Kernel, names: readonly string[], signal?: AbortSignal): Promise<IdeShown> {
  const shower = new Shower(await readIdeView(kernel, signal))
  const subjects: IdeSubject[] = []
  let error: TsmctlError | undefined
  for (const name of new Set(names)) {
    const found = subjectsOf(shower, name)
    subjects.push(...found)
    if (found.length === 0)
      error ??= new TsmctlError({
        kind: 'not-found',
        attempted: `show the IDE of ${quoted(name)}`,
        subject: printable(name),
        got: 'this machine has no such function, host bridge or stream',
        hint: 'tsmctl ide list shows them all',
      })
  }
  return {subjects, text: subjects.map(ideShowText).join('\n'), error}
}
