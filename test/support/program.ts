/**
 * Runs the built program of a checkout, in a thread that is warm or, for what only a process has (signals, pipes, its
 * end), in a process of its own; reads its JSON through the schema of the command.
 */
import {type ChildProcessByStdio, spawn, spawnSync} from 'node:child_process'
import {join} from 'node:path'
import type {Readable} from 'node:stream'
import {MessageChannel, type MessagePort, receiveMessageOnPort, Worker} from 'node:worker_threads'
import * as v from 'valibot'
import {expect} from 'vitest'
import {DATA, envelopeOf} from '../../src/cli/schemas/index.js'

export interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly host?: string
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

export interface Program {
  /**
   * Runs a command line of which only the exit code and the output matter, always through oclif. Whatever it leaves open
   * would keep a process from ending, and is an error here.
   */
  tsmctl(args: readonly string[], options?: RunOptions): Result
  /** The same in a process of its own, which takes ten times as long: through the fast path, from `input`. */
  tsmctlProcess(args: readonly string[], options?: RunOptions): Result
  /** The same, without waiting: for signals and closed pipes. */
  start(args: readonly string[], options?: RunOptions): ChildProcessByStdio<null, Readable, Readable>
  /** The envelope of a `--json` run: nothing else on standard output, and valid under the command's schema. */
  tsmctlJson(args: readonly string[], options?: RunOptions): {code: number | null; json: Loose}
}

const environment = ({host, env}: RunOptions): NodeJS.ProcessEnv => {
  const {TSMCTL_HOST: _, NODE_EXTRA_CA_CERTS: __, ...rest} = process.env
  return {...rest, ...(host !== undefined && {TSMCTL_HOST: host}), ...env}
}

interface Thread {
  readonly port: MessagePort
  readonly bell: Int32Array
}

function startThread(root: string): Thread {
  const {port1, port2} = new MessageChannel()
  const bell = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(join(root, 'test/support/program.mjs'), {
    execArgv: [],
    workerData: {root, port: port2, bell},
    transferList: [port2],
  })
  worker.unref()
  port1.unref()
  return {port: port1, bell}
}

/** Milliseconds a command may take, unless a machine is known to be slow. */
const PATIENCE = 20_000

/** An envelope that is what the schema of its command says, and agrees with the exit code. */
function checkEnvelope(json: Loose, code: number | null): void {
  const command = String(json.schema)
    .replace(/^tsmctl\./, '')
    .replace(/\/1$/, '') as keyof typeof DATA
  expect(Object.keys(DATA)).toContain(command)
  const {issues} = v.safeParse(envelopeOf(command, DATA[command]), json)
  expect(issues?.map(issue => `${v.getDotPath(issue)}: ${issue.message}`)).toBeUndefined()
  expect(json.ok).toBe(code === 0)
  expect(json.error?.exit ?? 0).toBe(code)
}

/** The program built in `root`, whose commands may take `patience` milliseconds. */
export function programAt(root: string, patience = PATIENCE): Program {
  const bin = join(root, 'bin/tsmctl.cjs')
  let thread: Thread | undefined

  function tsmctlProcess(args: readonly string[], options: RunOptions = {}): Result {
    const {status, stdout, stderr} = spawnSync(process.execPath, [bin, ...args], {
      encoding: 'utf8',
      env: environment(options),
      input: options.input ?? '',
      maxBuffer: 64 * 1024 * 1024,
    })
    return {code: status, out: stdout, err: stderr}
  }

  function tsmctl(args: readonly string[], options: RunOptions = {}): Result {
    if (options.input !== undefined) return tsmctlProcess(args, options)
    thread ??= startThread(root)
    const {port, bell} = thread
    Atomics.store(bell, 0, 0)
    port.postMessage({args, env: environment(options)})
    if (Atomics.wait(bell, 0, 0, patience) === 'timed-out') {
      thread = undefined
      throw new Error(`tsmctl ${args.join(' ')} did not end`)
    }
    const {held, ...result} = receiveMessageOnPort(port)!.message as Result & {held: readonly string[]}
    expect(held, `what tsmctl ${args.join(' ')} leaves open`).toEqual([])
    return result
  }

  return {
    tsmctl,
    tsmctlProcess,
    start: (args, options = {}) =>
      spawn(process.execPath, [bin, ...args], {env: environment(options), stdio: ['ignore', 'pipe', 'pipe']}),
    tsmctlJson(args, options = {}) {
      const {code, out, err} = tsmctl([...args, '--json'], options)
      let json: Loose
      try {
        json = JSON.parse(out)
      } catch {
        expect.fail(`not one JSON object on stdout: ${out.slice(0, 400)} / ${err.slice(0, 400)}`)
      }
      checkEnvelope(json, code)
      return {code, json}
    },
  }
}
