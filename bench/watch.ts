/**
 * Watching 1,000 devices. One idle look, against reading the same attributes with plain fs; and how long it takes from an
 * event to what it made known, on a machine of that size. Prints milliseconds.
 */
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {encodeUevent, treeKernel} from '../src/kernel/index.js'
import {watch} from '../src/operations/watch/index.js'
import {NOTHING} from '../src/operations/watch/differences.js'
import {looking} from '../src/operations/watch/snapshot.js'
import {bdfOf, makeManyFunctions} from '../test/support/many-functions.js'

const COUNT = 1000
const ROUNDS = 25

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
const root = mkdtempSync(join(tmpdir(), 'tsmctl-bench-watch-'))
makeManyFunctions(root, COUNT, COUNT)
const kernel = treeKernel(root)

async function milliseconds(work: () => unknown): Promise<number> {
  const started = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - started) / 1e6
}

/** The same attributes, read as a program would that does nothing else. */
function plain(): number {
  let length = 0
  const devices = join(root, 'sys/bus/pci/devices')
  for (const bdf of readdirSync(devices)) length += readFileSync(`${devices}/${bdf}/tsm/lock`).length
  return length
}

async function idle() {
  const eye = looking(kernel, {signal: new AbortController().signal})
  const nothing = {functions: new Set<string>(), replaced: new Set<string>()}
  let seen = await eye.look(NOTHING, {everything: true, moving: true, drivers: false, streams: false, ...nothing})
  const look = async (): Promise<void> => {
    seen = await eye.look(seen, {everything: false, moving: true, drivers: false, streams: false, ...nothing})
  }
  await look()
  plain()
  const pairs = []
  for (let i = 0; i < ROUNDS; i++) pairs.push({look: await milliseconds(look), plain: await milliseconds(plain)})
  return {
    look: median(pairs.map(pair => pair.look)),
    plain: median(pairs.map(pair => pair.plain)),
    ratio: median(pairs.map(pair => pair.look / pair.plain)),
  }
}

/** From an event to the transition that it led to. */
async function latency(): Promise<number> {
  let send: ((event: Uint8Array) => void) | undefined
  async function* uevents(signal: AbortSignal) {
    while (!signal.aborted) yield await new Promise<Uint8Array>(resolve => (send = resolve))
  }
  const stop = new AbortController()
  const live = {...kernel, host: {kind: 'live' as const, label: ''}, uevents}
  const events = watch(live, {signal: stop.signal, interval: 3_600_000})
  const times: number[] = []
  let started = 0n
  let round = 0
  for await (const {kind} of events) {
    if (kind === 'transition') times.push(Number(process.hrtime.bigint() - started) / 1e6)
    if (kind !== 'watching' && kind !== 'transition') continue
    if (round++ === ROUNDS) break
    const bdf = bdfOf(500)
    setTimeout(() => {
      const driver = round % 2 === 0 ? 'nvme' : 'vfio-pci'
      const lines = `DRIVER=${driver}\nPCI_CLASS=10802\nPCI_ID=7E57:0001\nPCI_SUBSYS_ID=7E57:0001\n`
      writeFileSync(join(root, 'sys/devices/pci0000:00', bdf, 'uevent'), lines)
      started = process.hrtime.bigint()
      const properties = new Map([['SUBSYSTEM', 'pci']])
      send?.(encodeUevent({action: 'bind', devpath: `/devices/pci0000:00/${bdf}`, properties}))
    }, 20)
  }
  stop.abort()
  return median(times)
}

console.log(JSON.stringify({...(await idle()), latency: await latency()}))
rmSync(root, {recursive: true})
process.exit(0)
