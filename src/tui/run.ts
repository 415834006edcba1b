/**
 * Owns the terminal: raw input, the alternate screen, and giving both back on every way out. Ink is loaded here and
 * only after the terminal was found usable.
 */
import {TsmctlError} from '../errors.js'
import type {Cockpit} from './cockpit.js'
import type {Size} from './geometry.js'
import {createSession, type Session} from './session.js'

const ENTER_SCREEN = '\x1b[?1049h\x1b[H'
const LEAVE_SCREEN = '\x1b[?1049l\x1b[?25h'
/** Ages on the screen are in seconds and minutes. */
const TICK_MS = 10_000

/** Throws TsmctlError `usage` unless both ends are a terminal that can draw. */
export function requireTerminal(stdin: {isTTY?: boolean}, stdout: {isTTY?: boolean}, term: string | undefined): void {
  const got =
    stdin.isTTY !== true || stdout.isTTY !== true
      ? 'standard input and standard output have to be a terminal'
      : term === 'dumb'
        ? 'TERM is dumb: this terminal cannot place the cursor'
        : null
  if (got !== null)
    throw new TsmctlError({
      kind: 'usage',
      attempted: 'open the cockpit',
      got,
      hint: 'In scripts use tsmctl list --json.',
    })
}

/** Settings that Ink and its colour library read once, when they are loaded. */
export function prepareEnvironment(env: NodeJS.ProcessEnv): void {
  // with them Ink draws nothing before the end, also when they only came along over SSH
  for (const name of Object.keys(env))
    if (name === 'CI' || name === 'CONTINUOUS_INTEGRATION' || name.startsWith('CI_')) delete env[name]
  // the colour library knows only the second of the two
  if (env['NO_COLOR']) env['FORCE_COLOR'] = '0'
}

const sizeOf = ({columns, rows}: NodeJS.WriteStream): Size => ({columns: columns || 80, rows: rows || 24})

/**
 * Shows the cockpit until the user quits; returns what to say about it afterwards. Throws TsmctlError `usage` without a
 * terminal, `interrupted` on SIGTERM and SIGHUP. Whatever happens, the terminal is given back first.
 */
export async function runCockpit(cockpit: Cockpit): Promise<string> {
  const {stdin, stdout, env} = process
  requireTerminal(stdin, stdout, env['TERM'])
  prepareEnvironment(env)
  const {mount} = await import('./mount.js')
  const session = createSession(cockpit, sizeOf(stdout))
  let isLeaving = false
  const interrupted = interruption(stdin, () => {
    if (isLeaving) void session.close()
  })
  const restore = takeTerminal(stdin, stdout, session)
  let ended: string | null = null
  let isBusy: boolean
  try {
    const ink = mount(session, stdin, stdout)
    try {
      const left = Promise.race([session.quit, ink.waitUntilExit()]).then(() => null)
      ended = await Promise.race([interrupted.came, left])
    } finally {
      ink.unmount()
    }
  } finally {
    restore()
    isBusy = session.state().busy !== null
    isLeaving = true
    if (isBusy) stdout.write('Waiting for what is under way to end. Ctrl-C leaves it to the kernel.\n')
    await session.close()
    interrupted.forget()
  }
  if (ended !== null) throw endedBy(ended, isBusy ? session.state().message?.text : undefined)
  return farewell(session)
}

/** `last`: how that ended which was under way. */
const endedBy = (what: string, last: string | undefined): TsmctlError =>
  new TsmctlError({
    kind: 'interrupted',
    attempted: 'continue',
    got: `${what}; ${last ?? 'devices stay as they are'}`,
    hint: 'tsmctl list shows their states.',
  })

/** Tells when a signal asks to end, or when the terminal is gone; `insist` hears of every Ctrl-C and SIGTERM. */
function interruption(stdin: NodeJS.ReadStream, insist: () => void): {readonly came: Promise<string>; forget(): void} {
  const names = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const
  let end: (what: string) => void
  const came = new Promise<string>(resolve => (end = resolve))
  const onSignal = (name: string): void => {
    end(name)
    // a terminal that closes says so more than once
    if (name !== 'SIGHUP') insist()
  }
  const onEnd = (): void => end('the terminal is gone')
  for (const name of names) process.on(name, onSignal)
  stdin.on('end', onEnd)
  return {
    came,
    forget: () => {
      for (const name of names) process.off(name, onSignal)
      stdin.off('end', onEnd)
    },
  }
}

/** Raw mode and alternate screen; returns what gives them back, which also runs before a crash is printed. */
function takeTerminal(stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream, session: Session): () => void {
  const onData = (chunk: string): void => session.input(chunk)
  const onResize = (): void => session.dispatch({kind: 'resize', size: sizeOf(stdout)})
  const tick = setInterval(() => session.dispatch({kind: 'tick'}), TICK_MS)
  let taken = true
  const restore = (): void => {
    if (!taken) return
    taken = false
    clearInterval(tick)
    stdin.off('data', onData)
    stdin.setRawMode(false)
    stdin.pause()
    stdout.off('resize', onResize)
    stdout.write(LEAVE_SCREEN)
    process.off('exit', restore)
    process.off('uncaughtExceptionMonitor', restore)
  }
  // a terminal that hangs up answers EIO: what is under way must still roll back
  for (const stream of [stdin, stdout]) stream.on('error', () => undefined)
  process.on('exit', restore)
  process.on('uncaughtExceptionMonitor', restore)
  stdout.write(ENTER_SCREEN)
  stdin.setEncoding('utf8')
  stdin.setRawMode(true)
  stdin.on('data', onData)
  stdout.on('resize', onResize)
  return restore
}

/** Quitting changes nothing: says which devices are locked or running now. */
function farewell(session: Session): string {
  const {devices, message} = session.state()
  // what was ended by leaving has said so last
  const failed = message?.tone === 'fail' ? `${message.text}\n` : ''
  const left = (devices ?? []).filter(({state}) => ['CONFIG_LOCKED', 'RUN', 'ERROR', 'connected'].includes(state))
  const list = left.map(({bdf, state}) => `${bdf} ${state}`).join(', ')
  return `${failed}Devices stay as they are${list === '' ? '' : `: ${list}`}.\n`
}
