/**
 * Our facts written in the words of `lspci -vvv` and compared, line by line, with what lspci itself printed for the
 * same configuration spaces: every capability offset, TEE-IO, SR-IOV, DOE and IDE register of three captures.
 */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {decodeIde, type Ide, type SelectiveStream} from '../../src/ide/index.js'
import {openReplay} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {capabilityOf, type ConfigSpace, inspectFunction, SRIOV} from '../../src/pci/index.js'

const DATA = new URL('../../../shared/data/sysfs/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data/sysfs)'

const sign = (flag: boolean): string => (flag ? '+' : '-')
const digits = (value: number | bigint, width = 1): string => value.toString(16).padStart(width, '0')

const KIND =
  /^\s*(?:Capabilities: \[[0-9a-f]+(?: v\d+)?\]|Initial VFs|VF offset|DOESta|IDECap|IDECtl|\[[0-9a-f]+\]\w+IDE#)/

/** Lines of interest of one device's text, cut to what we compare. */
const theirs = (block: string): string[] =>
  block
    .split('\n')
    .filter(line => KIND.test(line))
    .map(line => line.trim().replace(/^(Capabilities: \[[^\]]+\]).*/, '$1'))
    // newer versions print more; the manifest of the dumps states these, and another test holds us against it
    .map(line => line.replaceAll(/ (?:XT|SelCfg)[+-]/g, '').replace(/(#\d+ Ctl:.*) TeeLim[+-]/, '$1'))

function selectiveLines(stream: SelectiveStream): string[] {
  const {index, offset, rid, addresses, registers} = stream
  const line = (at: number, text: string): string => `[${digits(offset + at)}]SelectiveIDE#${index} ${text}`
  return [
    line(0, `Cap: RID#=${addresses.length}`),
    line(
      4,
      `Ctl: En${sign(stream.enabled)} NPR- PR- CPL- PCRC${sign(stream.pcrc)} CFG${sign(stream.configRequests)} ` +
        `HdrEnc=no Alg='AES-GCM-256-96b' TC${stream.trafficClass} ID${stream.streamId}${registers.defaultStream ? ' Default' : ''}`,
    ),
    line(8, `Sta: ${stream.state} RecvChkFail${sign(stream.failReceived)}`),
    line(12, `RID: Valid${sign(rid.valid)} Base=${digits(rid.base)} Limit=${digits(rid.limit)} SegBase=${rid.segment}`),
    ...addresses.map(({index: i, valid, base, limit}) =>
      line(20 + 12 * i, `RID#${i}: Valid${sign(valid)} Base=${digits(base)} Limit=${digits(limit)}`),
    ),
  ]
}

const ideLines = ({capability, selectiveStreams, promised}: Ide): string[] => [
  `IDECap: Lnk=${promised.link} Sel=${promised.selective} FlowThru${sign(capability.flowThrough)} ` +
    `PartHdr${sign(capability.partialHeaderEncryption)} Aggr${sign(capability.aggregation)} PCPC${sign(capability.pcrc)} ` +
    `IDE_KM${sign(capability.ideKm)} Alg='AES-GCM-256-96b' TCs=${capability.lastLinkTc + 1} TeeLim${sign(capability.teeLimited)}`,
  `IDECtl: FTEn${sign(capability.flowThroughEnable)}`,
  ...selectiveStreams.flatMap(selectiveLines),
]

/** What we would have printed, in lspci's order: standard capabilities, then extended, each followed by its lines. */
function ours(config: ConfigSpace, bytes: Uint8Array): string[] {
  const sriov = valueOf(capabilityOf(config, SRIOV))
  const details = (id: number, offset: number): string[] => {
    if (id === 0x30) return ideLines(decodeIde(bytes, offset))
    if (id === 0x10 && sriov !== undefined)
      return [
        `Initial VFs: ${sriov.initialVfs}, Total VFs: ${sriov.totalVfs}, Number of VFs: ${sriov.numVfs}, ` +
          `Function Dependency Link: ${digits(sriov.functionDependency, 2)}`,
        `VF offset: ${sriov.firstVfOffset}, stride: ${sriov.vfStride}, Device ID: ${digits(sriov.vfDeviceId, 4)}`,
      ]
    return valueOf(config.doe)!
      .filter(mailbox => mailbox.offset === offset)
      .map(
        ({registers: {busy, interruptStatus, error, ready}}) =>
          `DOESta: Busy${sign(busy)} IntSta${sign(interruptStatus)} Error${sign(error)} ObjectReady${sign(ready)}`,
      )
  }
  return [
    ...valueOf(config.capabilities)!.map(({offset}) => `Capabilities: [${digits(offset, 2)}]`),
    ...valueOf(config.extendedCapabilities)!.flatMap(({id, offset, version}) => [
      `Capabilities: [${digits(offset, 3)} v${version}]`,
      ...details(id, offset),
    ]),
  ]
}

describe.skipIf(MISSING !== '')(`parity with lspci${MISSING}`, () => {
  it.each([
    ['0-stock', 0],
    ['1-no-tsm', 7],
    ['3-connected', 7],
  ])('%s', async (name, withIde) => {
    const kernel = openReplay(fileURLToPath(new URL(`${name}.json`, DATA)))
    const blocks = readFileSync(new URL(`lspci/${name}.txt`, DATA), 'latin1')
      .trim()
      .split('\n\n')
    expect(blocks.length).toBeGreaterThan(15)
    let ide = 0
    for (const block of blocks) {
      const bdf = block.slice(0, block.indexOf(' '))
      const facts = await inspectFunction(kernel, bdf)
      const config = valueOf(facts.config)!
      expect([bdf, ...ours(config, valueOf(facts.configBytes)!)]).toEqual([bdf, ...theirs(block)])
      expect([bdf, config.teeIo]).toEqual([bdf, {known: true, value: block.includes('TEE-IO+')}])
      if (valueOf(config.ide) !== undefined) ide++
    }
    expect(ide).toBe(withIde)
  })
})

const DUMPS = new URL('../../../shared/data/pci/', import.meta.url)

describe.skipIf(!existsSync(DUMPS))('parity with lspci on dumps (needs ../shared/data/pci)', () => {
  it.each([
    ['ide-disabled.dump', '0000:e1:00.0'],
    ['doe-two.dump', '0000:df:00.0'],
  ])('%s', async (name, bdf) => {
    const facts = await inspectFunction(openReplay(fileURLToPath(new URL(name, DUMPS))), bdf)
    const text = readFileSync(new URL(`${name}.lspci-vvv.txt`, DUMPS), 'latin1')
    const config = valueOf(facts.config)!
    expect(ours(config, valueOf(facts.configBytes)!)).toEqual(theirs(text))
    expect(config.teeIo).toEqual({known: true, value: text.includes('TEE-IO+')})
  })
})
