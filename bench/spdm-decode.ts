/**
 * Decoding SPDM captures: link layer, messages, transcripts, signatures and records, up to the data of `decode spdm
 * --json`; against JSON.parse of that data, the least that it costs any program to have these facts. The captures are a
 * conversation of our own, and those of the test data where they lie beside the project. Prints milliseconds and ratios.
 */
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {decodeSpdmCapture} from '../src/operations/decode-spdm.js'
import {encodeDoeObject} from '../src/pci/index.js'
import {pcap} from '../test/pcap/files.js'
import {conversation, SECRET} from '../test/spdm/conversation.js'

const CAPTURES = join(process.cwd(), '../shared/data/spdm/emu')
const REPEATED = 20
const ROUNDS = 15

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Of processor time: nothing here waits. */
async function milliseconds(work: () => unknown): Promise<number> {
  const started = process.cpuUsage()
  await work()
  const {user, system} = process.cpuUsage(started)
  return (user + system) / 1000
}

async function compare(name: string, files: readonly Uint8Array[], secrets = {}) {
  const decodeAll = async (): Promise<Readonly<Record<string, unknown>>[]> => {
    const out = []
    for (const file of files) out.push((await decodeSpdmCapture(file, {secrets}))!.data)
    return out
  }
  const facts = await decodeAll()
  const json = JSON.stringify(facts)
  const messages = facts.reduce((sum, data) => sum + (data['messages'] as readonly unknown[]).length, 0)
  const bytes = files.reduce((sum, file) => sum + file.length, 0)
  const pairs = []
  for (let i = 0; i < ROUNDS; i++)
    pairs.push({decode: await milliseconds(decodeAll), parse: await milliseconds(() => JSON.parse(json))})
  const spent = median(pairs.map(pair => pair.decode))
  return {
    name,
    spent,
    parse: median(pairs.map(pair => pair.parse)),
    ratio: median(pairs.map(pair => pair.decode / pair.parse)),
    messagesPerSecond: (messages / spent) * 1000,
    megabytesPerSecond: bytes / spent / 1000,
  }
}

const objects = conversation().map(({secured, payload}) => encodeDoeObject({vendor: 1, type: secured ? 2 : 1, payload}))
const own = pcap(Array.from({length: REPEATED}, () => objects.map(bytes => ({bytes}))).flat())
const secrets = {exchange: Array.from({length: REPEATED}, () => SECRET)}
const rows = [await compare(`${REPEATED} connections of our own, records opened`, [own], secrets)]
if (existsSync(CAPTURES)) {
  const names = readdirSync(CAPTURES).filter(name => name.endsWith('.pcap'))
  rows.push(
    await compare(
      `${names.length} emulator captures`,
      names.map(name => new Uint8Array(readFileSync(join(CAPTURES, name)))),
    ),
  )
}
console.log(JSON.stringify(rows))
