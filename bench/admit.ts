/**
 * `admit` in our own code: a whole admission on a simulated guest whose kernel takes no time, against the signatures in it
 * alone; and 16 MiB of evidence, frozen with its digest D, against SHA-384 of the same bytes. Prints milliseconds of
 * processor time.
 */
import {createHash, generateKeyPairSync, sign, verify} from 'node:crypto'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {drawNonce, freeze} from '../src/evidence/index.js'
import type {Kernel} from '../src/kernel/index.js'
import {admit, createSimMachine, readPolicy, unlock} from '../src/operations/index.js'
import {simKernel} from '../src/sim/index.js'

const DEVICE = '0000:01:00.0'
const ROUNDS = 15
const MIB = 1024 * 1024

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Processor time of this process so far: nothing here waits for anybody but the disk. */
function cpu(): number {
  const {user, system} = process.cpuUsage()
  return (user + system) / 1000
}

async function milliseconds(work: () => unknown): Promise<number> {
  const started = cpu()
  await work()
  return cpu() - started
}

/** `kernel`, and how long its calls took: the simulator's part of the time. */
function timed(kernel: Kernel) {
  const spent = {milliseconds: 0}
  let depth = 0
  const timedMembers = (of: object): object => Object.fromEntries(Object.entries(of).map(timedMember))
  const timedMember = ([name, member]: [string, unknown]): [string, unknown] => {
    if (name === 'state') return [name, timedMembers(member as object)]
    if (typeof member !== 'function' || name === 'random' || name === 'now') return [name, member]
    return [
      name,
      (...given: readonly unknown[]) => {
        const started = cpu()
        const outer = depth++ === 0
        const over = (): void => {
          depth--
          if (outer) spent.milliseconds += cpu() - started
        }
        let answer: unknown
        try {
          answer = (member as (...all: readonly unknown[]) => unknown)(...given)
        } catch (error) {
          over()
          throw error
        }
        if (!(answer instanceof Promise)) {
          over()
          return answer
        }
        return answer.finally(over)
      },
    ]
  }
  return {kernel: timedMembers(kernel) as Kernel, spent}
}

async function admitting() {
  const directory = mkdtempSync(join(tmpdir(), 'tsmctl-bench-admit-'))
  const machine = join(directory, 'guest')
  await createSimMachine(machine, 'guest')
  const {kernel, spent} = timed(simKernel(machine))
  const policy = readPolicy([join(machine, 'policy.yaml')], kernel.now())
  const key = generateKeyPairSync('ec', {namedCurve: 'P-384'})
  const data = Buffer.alloc(4096)
  const signature = sign('sha384', data, key.privateKey)
  // three certificates up to the root and the measurements; appraised once
  const signatures = (): void => {
    for (let i = 0; i < 4; i++) verify('sha384', data, key.publicKey, signature)
  }
  const rounds = []
  for (let i = 0; i <= ROUNDS; i++) {
    spent.milliseconds = 0
    const all = await milliseconds(() => admit(kernel, DEVICE, {policy}))
    const own = all - spent.milliseconds
    const bare = await milliseconds(signatures)
    await unlock(kernel, DEVICE, {force: true, rebind: true})
    // the first one loads what it needs
    if (i > 0) rounds.push({all, own, bare})
  }
  rmSync(directory, {recursive: true})
  return {
    all: median(rounds.map(round => round.all)),
    own: median(rounds.map(round => round.own)),
    bare: median(rounds.map(round => round.bare)),
    ratio: median(rounds.map(round => round.own / round.bare)),
  }
}

async function freezing() {
  const bytes = new Uint8Array(16 * MIB).fill(0x5a)
  const nonce = drawNonce(length => new Uint8Array(length).fill(7))
  const freezeIt = () =>
    freeze([{label: 'measurements', bytes, source: 'bench'}], {
      bundleId: '00'.repeat(16),
      collectedAt: '2026-11-21T00:00:00.000Z',
      clock: 'untrusted',
      host: {machineIdHash: null, bootId: null, kernel: null, tool: 'bench', toolDigest: null},
      device: {bdf: DEVICE, vendor: null, device: null, subsystem: null, class: null, revision: null},
      nonce,
      provider: {kind: 'pci-tsm', abi: 'pci-tsm/1', tsm: 'tsm0', generation: null},
      lockEpoch: {kind: 'none', value: null},
      tdiState: 'CONFIG_LOCKED',
    })
  const digest = () => createHash('sha384').update(bytes).digest()
  freezeIt()
  const pairs = []
  for (let i = 0; i < ROUNDS; i++)
    pairs.push({freeze: await milliseconds(freezeIt), digest: await milliseconds(digest)})
  return {
    freeze: median(pairs.map(pair => pair.freeze)),
    digest: median(pairs.map(pair => pair.digest)),
    ratio: median(pairs.map(pair => pair.freeze / pair.digest)),
  }
}

console.log(JSON.stringify({admit: await admitting(), evidence: await freezing()}))
