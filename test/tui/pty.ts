/** A terminal for end-to-end tests without native packages: script(1) makes the PTY, @xterm/headless is the screen. */
import xterm from '@xterm/headless'
import {EventEmitter, once} from 'node:events'
import {spawn, spawnSync} from 'node:child_process'

export interface Pty {
  /** What a person would see now. */
  screen(): string
  /** Resolves once the screen is as wanted; fails with the screen after `milliseconds`. */
  until(wanted: (screen: string) => boolean, milliseconds?: number): Promise<void>
  shows(text: string): Promise<void>
  type(keys: string): void
  resize(columns: number, rows: number): void
  /** Is the alternate screen on? */
  alternate(): boolean
  cursorVisible(): boolean
  /** Sends a signal to the program itself. */
  signal(name: NodeJS.Signals): void
  /** Everything that was written, sequences included. */
  output(): string
  /** Terminal settings as `stty -a` prints them once the program is gone. */
  settings(): string
  readonly exit: Promise<number | null>
  kill(): void
}

export const hasScript = (): boolean => spawnSync('script', ['--version']).status === 0

const MARK = /TTY:(\S+) (\d+)\r?\n/

/**
 * Runs `command` in a terminal of that size. The shell stays behind it: it prints the exit status and the terminal's
 * settings, so that a test can see what the program left.
 */
export function openPty(command: string, size: {columns: number; rows: number}, env: NodeJS.ProcessEnv): Pty {
  const {columns, rows} = size
  const terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true, scrollback: 500})
  const inner = `stty cols ${columns} rows ${rows}; sh -c 'printf "TTY:%s %s\\n" "$(tty)" $$; exec ${command}'; status=$?; stty -a; exit $status`
  const child = spawn('script', ['-qfec', inner, '/dev/null'], {
    env: {...env, SHELL: '/bin/sh', TERM: 'xterm-256color'},
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let started: {readonly tty: string; readonly pid: number} | undefined
  let head = ''
  let all = ''
  let hidden = false
  const drawn = new EventEmitter()
  terminal.parser.registerCsiHandler({prefix: '?', final: 'l'}, params => {
    if (params.includes(25)) hidden = true
    return false
  })
  terminal.parser.registerCsiHandler({prefix: '?', final: 'h'}, params => {
    if (params.includes(25)) hidden = false
    return false
  })
  child.stdout.on('data', (data: Buffer) => {
    all += data.toString('latin1')
    let bytes = data
    if (started === undefined) {
      head += data.toString('latin1')
      const mark = MARK.exec(head)
      if (mark === null) return
      started = {tty: mark[1]!, pid: Number(mark[2])}
      bytes = Buffer.from(head.slice(mark.index + mark[0].length), 'latin1')
    }
    terminal.write(bytes, () => drawn.emit('frame'))
  })
  const screen = (): string =>
    Array.from(
      {length: terminal.rows},
      (_, row) => terminal.buffer.active.getLine(terminal.buffer.active.viewportY + row)?.translateToString(true) ?? '',
    ).join('\n')
  const until: Pty['until'] = async (wanted, milliseconds = 10_000) => {
    const signal = AbortSignal.timeout(milliseconds)
    try {
      // one frame after the other
      // oxlint-disable-next-line no-await-in-loop
      while (!wanted(screen())) await once(drawn, 'frame', {signal})
    } catch (cause) {
      throw new Error(`not seen after ${milliseconds} ms:\n${screen()}`, {cause})
    }
  }
  return {
    screen,
    until,
    shows: text => until(now => now.includes(text)),
    type: keys => {
      child.stdin.write(keys)
    },
    resize: (cols, lines) => {
      terminal.resize(cols, lines)
      spawnSync('stty', ['-F', started!.tty, 'cols', String(cols), 'rows', String(lines)])
    },
    alternate: () => terminal.buffer.active.type === 'alternate',
    cursorVisible: () => !hidden,
    signal: name => {
      process.kill(started!.pid, name)
    },
    output: () => all,
    settings: () => all.slice(all.lastIndexOf('speed ')),
    exit: new Promise(resolve => {
      child.on('close', resolve)
    }),
    kill: () => {
      child.kill()
    },
  }
}
