/** connect and disconnect with a failure at every call of the kernel port: whatever they say afterwards is true. */
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {type Kernel, readText} from '../../src/kernel/index.js'
import {connect, type ConnectResult, disconnect, type DisconnectResult} from '../../src/operations/index.js'
import {createMachine, injectFault, type ScenarioSource, simKernel} from '../../src/sim/index.js'
import {type Call, failing, type Failure} from '../support/failing-kernel.js'
import {prepared} from '../support/prepared.js'
import {allowSleep, attributePath, machines, type TestMachine, withoutSpdm} from '../sim/machines.js'

const make = machines()
const GPU = '0000:01:00.0'

/** `insecure`: a connect whose stream does not become secure at one end. */
type Verb = 'connect' | 'disconnect' | 'insecure'

/** Connecting comes before hundreds of disconnects: it is done once. */
const copyConnected = prepared<ScenarioSource>(async (directory, source) => {
  await createMachine(directory, source)
  await allowSleep({kernel: simKernel(directory)})
  await connect(simKernel(directory), GPU)
})

const copyDisconnected = prepared<ScenarioSource>(async (directory, source) => {
  await createMachine(directory, source)
  await allowSleep({kernel: simKernel(directory)})
})

async function machineFor(verb: Verb): Promise<TestMachine> {
  const machine = await make(withoutSpdm('gpu-host'), verb === 'disconnect' ? copyConnected : copyDisconnected)
  if (verb === 'insecure') await injectFault(machine.directory, {device: GPU, at: 'connect', do: 'insecure'})
  return machine
}

const run = (kernel: Kernel, verb: Verb): Promise<ConnectResult | DisconnectResult> =>
  (verb === 'disconnect' ? disconnect : connect)(kernel, GPU)

const isConnected = ({kernel}: TestMachine): boolean => readText(kernel, attributePath(GPU, 'tsm/connect')) !== ''

/** What was said, whether as a result or as an error. */
async function outcome(act: Promise<ConnectResult | DisconnectResult>) {
  try {
    const result = await act
    return {result, error: result.failure, text: [result.failure?.message ?? '', ...result.notes].join(' ')}
  } catch (error) {
    expect(error).toBeInstanceOf(TsmctlError)
    return {result: undefined, error: error as TsmctlError, text: (error as TsmctlError).message}
  }
}

/** What was said and is not true. */
async function lies(verb: Verb, call: Call, failure: Failure): Promise<string[]> {
  const machine = await machineFor(verb)
  const before = isConnected(machine)
  const {result, error, text} = await outcome(run(failing(machine.kernel, call, failure).kernel, verb))
  const after = isConnected(machine)
  const found: string[] = []
  const claim = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(`${failure.errno} (${failure.how}) at ${call} ${failure.at}: ${what}: ${text}`)
  }
  if (error === null) {
    claim(verb !== 'insecure' && after === (verb === 'connect'), 'success')
    const {before: now} = (await outcome(connect(machine.kernel, GPU, {dryRun: true}))).result!
    claim(verb === 'disconnect' || now.streams?.map(({state}) => state).join() === 'secure', 'secure at both ends')
  } else if (text.includes('The device was left')) {
    const left = after ? /left (?:connected to tsm0|unknown)/ : /left (?:not connected|unknown)/
    claim(left.test(text), 'how it was left')
  } else claim(result !== undefined || after === before, 'nothing happened')
  const power = readText(machine.kernel, attributePath(GPU, 'power/control'))
  claim(power === 'auto' || text.includes('power/control'), 'power/control as before')
  return found
}

async function countOf(verb: Verb, call: Call): Promise<number> {
  const {kernel, calls} = failing((await machineFor(verb)).kernel, call)
  await outcome(run(kernel, verb))
  return calls()
}

/** Reading configuration spaces makes hundreds of alike calls; a prime stride meets all kinds of them. */
const STRIDE = 29

describe.each(['connect', 'disconnect', 'insecure'] as const)('%s', verb => {
  it.each([
    ['write', 'EIO', 'refused'],
    ['write', 'EACCES', 'refused'],
    ['write', 'EINTR', 'lost'],
    ['write', 'EIO', 'lost'],
    ['query', 'EIO', 'refused'],
    ['query', 'ENODEV', 'refused'],
    ['query', 'EINTR', 'refused'],
  ] as const)('tells the truth after every %s that ends with %s (%s)', async (call, errno, how) => {
    const count = await countOf(verb, call)
    expect(count).toBeGreaterThanOrEqual(3)
    const found: string[] = []
    for (let at = 0; at < count; at++) found.push(...(await lies(verb, call, {at, errno, how})))
    expect(found).toEqual([])
  })

  it.each(['EIO', 'ENOENT'])('tells the truth when a reading ends with %s', async errno => {
    const count = await countOf(verb, 'read')
    expect(count).toBeGreaterThan(100)
    const found: string[] = []
    for (let at = 0; at < count; at += STRIDE) found.push(...(await lies(verb, 'read', {at, errno, how: 'refused'})))
    expect(found).toEqual([])
  })
})
