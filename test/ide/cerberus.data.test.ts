/** Field values that another project's unit tests state for raw IDE registers and IDE_KM messages. */
import {existsSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {concat, fromHex} from '../../src/bits/index.js'
import {
  ADDRESS_ASSOCIATION,
  IDE_REGISTERS,
  KM_KEY_PROG,
  KM_KEY_SET_GO,
  LINK_STREAM,
  SELECTIVE_STREAM,
} from '../../src/ide/index.js'

const FILE = new URL('../../../shared/data/tdisp/cerberus-ide-fields.json', import.meta.url)
const MISSING = existsSync(FILE) ? '' : ' (skipped: no ../shared/data/tdisp)'

interface Case {
  readonly case: string
  readonly steps: readonly {
    readonly bytes: {readonly raw_buffer: string}
    readonly asserts: readonly {readonly field?: string; readonly value?: number}[]
  }[]
}

/** Message bodies of that project begin at the object identifier, carry arbitrary ones, and stop before the key. */
const kmBody = (objectId: number, raw: Uint8Array, pad: number): Uint8Array =>
  concat(Uint8Array.of(0, objectId), raw.subarray(1), new Uint8Array(pad))

type Decoder = (raw: Uint8Array) => Readonly<Record<string, unknown>>
const DECODERS: Readonly<
  Record<string, {readonly decode: Decoder; readonly fields: Readonly<Record<string, string>>}>
> = {
  ide_capability_register_format: {
    decode: raw => IDE_REGISTERS.decode(concat(raw, new Uint8Array(4))),
    fields: {
      link_ide_stream_supported: 'linkSupported',
      selective_ide_streams_supported: 'selectiveSupported',
      flow_through_ide_stream_supported: 'flowThrough',
      aggregation_supported: 'aggregation',
      pcrc_supported: 'pcrc',
      ide_km_protocol_supported: 'ideKm',
      selective_ide_for_configuration_requests_supported: 'selectiveConfig',
      supported_algorithms: 'algorithms',
      number_of_tcs_supported_for_link_ide: 'lastLinkTc',
      number_of_selective_ide_streams_supported: 'lastSelective',
    },
  },
  ide_link_ide_stream_status_register_format: {
    decode: raw => LINK_STREAM.decode(concat(new Uint8Array(4), raw)),
    fields: {
      link_ide_stream_state: 'state',
      reserved: 'statusReserved',
      received_integrity_check_fail_message: 'failReceived',
    },
  },
  ide_selective_ide_stream_status_register_format: {
    decode: raw => SELECTIVE_STREAM.decode(concat(new Uint8Array(8), raw, new Uint8Array(8))),
    fields: {
      selective_ide_stream_state: 'state',
      reserved: 'statusReserved',
      received_integrity_check_fail_message: 'failReceived',
    },
  },
  ide_selective_ide_address_association_register_block_format: {
    decode: raw => ADDRESS_ASSOCIATION.decode(raw),
    fields: {
      'register_1.valid': 'valid',
      'register_1.reserved': 'reserved',
      'register_1.memory_base_lower': 'baseLower',
      'register_1.memory_limit_lower': 'limitLower',
      register_2: 'limitUpper',
      register_3: 'baseUpper',
    },
  },
  ide_km_key_prog_format: {
    decode: raw => KM_KEY_PROG.decode(kmBody(2, raw, 40)),
    fields: {
      stream_id: 'streamId',
      reserved2: 'reserved5',
      'sub_stream_info.key_set': 'keySet',
      'sub_stream_info.rx_tx': 'transmit',
      'sub_stream_info.reserved': 'subStreamReserved',
      'sub_stream_info.key_sub_stream': 'subStream',
      port_index: 'portIndex',
    },
  },
  ide_km_k_set_go_format: {
    decode: raw => KM_KEY_SET_GO.decode(kmBody(4, raw, 0)),
    fields: {
      stream_id: 'streamId',
      reserved2: 'reserved5',
      'sub_stream_info.key_set': 'keySet',
      'sub_stream_info.rx_tx': 'transmit',
      'sub_stream_info.reserved': 'subStreamReserved',
      'sub_stream_info.key_sub_stream': 'subStream',
      port_index: 'portIndex',
    },
  },
}

describe.skipIf(MISSING !== '')(`fields stated by an independent implementation${MISSING}`, () => {
  const cases = MISSING === '' ? (JSON.parse(readFileSync(FILE, 'utf8')) as Case[]) : []

  it.each(Object.keys(DECODERS))('%s', name => {
    const {decode, fields} = DECODERS[name]!
    const {bytes, asserts} = cases.find(entry => entry.case === name)!.steps[0]!
    const stated = asserts.flatMap(({field, value}) => {
      const ours = fields[field ?? '']
      return ours === undefined ? [] : [[ours, value] as const]
    })
    expect(stated).toHaveLength(Object.keys(fields).length)
    const value = decode(fromHex(bytes.raw_buffer))
    for (const [field, expected] of stated) expect([field, Number(value[field])]).toEqual([field, expected])
  })
})
