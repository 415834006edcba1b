/**
 * `audit head`: the end of the log, told to others. Whoever owns this machine can rewrite the whole log, but not what a
 * journal, a collector or a measurement register has seen of it. Publishing never stands in the way of anything else.
 */
import type {KeyObject} from 'node:crypto'
import {type AuditHead, keyId, openAudit, signJws} from '../appraisal/index.js'
import {fromHex} from '../bits/index.js'
import {describeErrno, errnoOf, TsmctlError} from '../errors.js'
import type {Kernel, ProgramCommand} from '../kernel/index.js'
import {extendRegister} from './measurement-register.js'
import {recordAudit} from './record-audit.js'

export type Publisher = 'journald' | 'syslog' | `rtmr:${number}`

export interface HeadOptions {
  readonly key?: KeyObject | undefined
  readonly publish?: readonly Publisher[] | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PublishedHead extends AuditHead {
  /** Compact JWS over number and digest, where a key was given. */
  readonly signature: string | null
  readonly kid: string | null
  readonly published: readonly {readonly to: Publisher; readonly failure: string | null}[]
}

/** Type in the header of a signed head. */
const SIGNED_HEAD = 'tsmctl-audit-head+jwt'
const LIMITS = {timeoutMs: 5000, mostBytes: 4096}
const LOGGER = '/usr/bin/logger'

/** How util-linux `logger` is told; the text goes to its standard input. */
const COMMANDS: Readonly<Record<'journald' | 'syslog', ProgramCommand>> = {
  journald: [LOGGER, '--journald'],
  syslog: [LOGGER, '--tag', 'tsmctl', '--priority', 'auth.notice', '--socket-errors=on'],
}

function messageFor(to: 'journald' | 'syslog', {seq, digest}: AuditHead, signature: string | null): string {
  const text = `tsmctl audit head ${seq} ${digest}`
  if (to === 'syslog') return `${signature === null ? text : `${text} ${signature}`}\n`
  // systemd.journal-fields(7): one field per line
  const fields = [
    `MESSAGE=${text}`,
    'PRIORITY=5',
    'SYSLOG_IDENTIFIER=tsmctl',
    `TSMCTL_AUDIT_SEQ=${seq}`,
    `TSMCTL_AUDIT_HEAD=${digest}`,
    ...(signature === null ? [] : [`TSMCTL_AUDIT_SIGNATURE=${signature}`]),
  ]
  return fields.map(field => `${field}\n`).join('')
}

const HOW: Readonly<Record<string, string>> = {
  timeout: 'it took too long',
  'too-much': 'it said too much',
  signal: 'it was ended by a signal',
}

async function tell(kernel: Kernel, to: 'journald' | 'syslog', text: string, signal?: AbortSignal): Promise<void> {
  const {ended, code} = await kernel.runProgram(COMMANDS[to], new TextEncoder().encode(text), LIMITS, signal)
  if (ended === 'exit' && code === 0) return
  throw new TsmctlError({
    kind: 'unsupported',
    attempted: `publish to ${to}`,
    got: `${LOGGER}: ${HOW[ended] ?? `exit code ${code}`}`,
  })
}

const registerOf = (to: Publisher): number => Number(to.slice('rtmr:'.length))

/** Bytes of a digest by its name, `sha384:…`. */
const bytesOf = (digest: string): Uint8Array => fromHex(digest.slice('sha384:'.length))

/** Why publishing failed, or null. What is no failure of the publisher is thrown. */
async function failureOf(act: () => Promise<void>, signal: AbortSignal | undefined): Promise<string | null> {
  try {
    await act()
    return null
  } catch (error) {
    if (!(error instanceof TsmctlError) || signal?.aborted) throw error
    const errno = errnoOf(error)
    return errno === undefined ? (error.got ?? error.message) : describeErrno(errno)
  }
}

/**
 * Signs and publishes the end of the log, and notes that in it. A register that cannot be turned back is noted before it
 * is extended, so that its value can always be explained. Throws TsmctlError `not-found` for an empty log.
 */
export async function publishHead(kernel: Kernel, options: HeadOptions = {}): Promise<PublishedHead> {
  const {key, publish = [], signal} = options
  const head = openAudit(kernel).head()
  if (head === null)
    throw new TsmctlError({kind: 'not-found', attempted: 'publish the head of the audit log', got: 'the log is empty'})
  const kid = key === undefined ? null : keyId(key)
  const iat = Math.floor(kernel.now().getTime() / 1000)
  const signature = key === undefined ? null : signJws({...head, iat}, key, SIGNED_HEAD)
  const registers = publish.filter(to => to.startsWith('rtmr:')).join(',')
  const about = {seq: head.seq, digest: head.digest, kid, signature}
  recordAudit(kernel, 'head', {bdf: null, result: {...about, to: publish.join(','), registers}})
  const published: PublishedHead['published'][number][] = []
  for (const to of publish) {
    const act = async (): Promise<void> =>
      to === 'journald' || to === 'syslog'
        ? tell(kernel, to, messageFor(to, head, signature), signal)
        : extendRegister(kernel, registerOf(to), bytesOf(head.digest), signal)
    // one after the other: what the log says is the order in which it was done
    // oxlint-disable-next-line no-await-in-loop
    published.push({to, failure: await failureOf(act, signal)})
  }
  const failed = published.flatMap(({to, failure}) => (failure === null ? [] : [to]))
  if (failed.length > 0) recordAudit(kernel, 'head', {bdf: null, result: {...about, failed: failed.join(',')}})
  return {...head, signature, kid, published}
}

/** One line for the head, and one for each that was told. */
export const headText = ({seq, digest, signature, published}: PublishedHead): string =>
  [
    `${seq} ${digest}`,
    ...(signature === null ? [] : [signature]),
    ...published.map(({to, failure}) => `${to}: ${failure ?? 'told'}`),
  ]
    .map(line => `${line}\n`)
    .join('')
