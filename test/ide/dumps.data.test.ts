/** The IDE registers of a real device against what another decoder states about them. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {hex} from '../../src/bits/index.js'
import {decodeIde, type SelectiveStream} from '../../src/ide/index.js'
import {openReplay} from '../../src/kernel/index.js'
import {valueOf} from '../../src/known.js'
import {inspectFunction, parseBdf} from '../../src/pci/index.js'

const DATA = new URL('../../../shared/data/pci/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data/pci)'

interface Manifest {
  readonly entries: readonly {
    readonly file: string
    readonly expected: {
      readonly devices?: readonly {readonly bdf: string; readonly ide?: {readonly selective: readonly object[]}}[]
    }
  }[]
}

/** Our facts in the words of the manifest. */
const stated = (stream: SelectiveStream) => ({
  offset: stream.offset,
  addr_assoc_blocks: stream.addresses.length,
  enable: Number(stream.enabled),
  pcrc_en: Number(stream.pcrc),
  cfg_en: Number(stream.configRequests),
  algorithm: stream.algorithm,
  tc: stream.trafficClass,
  default: Number(stream.defaultStream),
  tee_limited_en: Number(stream.teeLimited),
  stream_id: stream.streamId,
  state: stream.state,
  integrity_check_fail: Number(stream.failReceived),
  rid_limit: stream.rid.limit,
  rid_base: stream.rid.base,
  rid_valid: Number(stream.rid.valid),
  seg_base: stream.rid.segment,
  addr: stream.addresses.map(({valid, base, limit}) => ({valid: Number(valid), base: hex(base), limit: hex(limit)})),
})

describe.skipIf(MISSING !== '')(`IDE of real devices${MISSING}`, () => {
  const manifest =
    MISSING === '' ? (JSON.parse(readFileSync(new URL('MANIFEST.json', DATA), 'utf8')) as Manifest) : {entries: []}
  const devices = manifest.entries.flatMap(({file, expected}) =>
    (expected.devices ?? []).flatMap(({bdf, ide}) => (ide === undefined ? [] : [{file, bdf, ide}])),
  )

  it('there is one', () => expect(devices).toHaveLength(1))

  it.each(devices)('$bdf of $file', async ({file, bdf, ide: expected}) => {
    const facts = await inspectFunction(openReplay(fileURLToPath(new URL(file, DATA))), parseBdf(bdf))
    const ide = decodeIde(valueOf(facts.configBytes)!, valueOf(valueOf(facts.config)!.ide)!)
    const {capability} = ide
    expect(expected).toMatchObject({
      link_supported: Number(capability.linkSupported),
      selective_supported: Number(capability.selectiveSupported),
      flow_through: Number(capability.flowThrough),
      partial_header_encryption: Number(capability.partialHeaderEncryption),
      aggregation: Number(capability.aggregation),
      pcrc: Number(capability.pcrc),
      ide_km: Number(capability.ideKm),
      selective_cfg: Number(capability.selectiveConfig),
      algorithms: capability.algorithms,
      link_tc_count: capability.lastLinkTc + 1,
      selective_streams: capability.lastSelective + 1,
      tee_limited: Number(capability.teeLimited),
      xt: Number(capability.xt),
      link: ide.linkStreams,
      end_offset: ide.end,
    })
    expect(expected.selective).toMatchObject(ide.selectiveStreams.map(stated))
    expect(ide).toMatchObject({complete: true, findings: []})
  })
})
