/** The language of host scenarios as a schema. */
import * as v from 'valibot'
import {bdf, count, deviceEntries, dsmEntries, line, manufacturer, nonceMode, upTo} from '../scenario-schema.js'

const SEGMENT = 'a host bridge such as 0000:00 is needed'
const bridgeName = v.pipe(v.string(SEGMENT), v.regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}$/, SEGMENT))
const bus = v.pipe(upTo(0xff), v.minValue(1))
const protocol = v.pipe(v.string(), v.regex(/^[0-9a-f]{4}:[0-9a-f]{2}$/, 'a protocol such as 0001:01 is needed'))

const bridge = v.strictObject({at: bridgeName, pool: v.optional(upTo(256), 256)})

const ide = v.strictObject({
  selective: v.optional(upTo(256), 1),
  link: v.optional(upTo(8), 0),
  /** Address association blocks of each Selective block; one number for all of them. */
  associations: v.optional(v.union([upTo(15), v.array(upTo(15))], 'a number, or one for each block, is needed'), 2),
  tee: v.optional(v.boolean(), true),
  config: v.optional(v.boolean(), true),
  streams: v.optional(
    v.array(
      v.strictObject({
        block: v.optional(upTo(255), 0),
        id: upTo(255),
        link: v.optional(v.boolean(), false),
        secure: v.optional(v.boolean(), true),
      }),
    ),
    [],
  ),
})

const ports = v.strictObject({
  at: bdf,
  bus,
  ide: v.optional(ide),
  tee: v.optional(v.boolean(), false),
  doe: v.optional(v.array(v.array(protocol)), []),
})

const TYPES = ['endpoint', 'legacy', 'rciep'] as const

const device = v.strictObject({
  ...deviceEntries,
  ...dsmEntries,
  type: v.optional(v.picklist(TYPES)),
  tee: v.optional(v.boolean()),
  ide: v.optional(ide),
  doe: v.optional(v.array(v.array(protocol))),
  vfOffset: v.optional(v.pipe(count, v.minValue(1), v.maxValue(0xffff)), 1),
  vfStride: v.optional(v.pipe(count, v.minValue(1), v.maxValue(0xffff)), 1),
  power: v.optional(v.picklist(['D0', 'D3hot', 'D3cold']), 'D0'),
  numa: v.optional(upTo(1023)),
})

const provider = v.strictObject({
  like: v.optional(v.picklist(['generic', 'sev-tio']), 'generic'),
  parent: v.optional(bdf),
  registered: v.optional(v.boolean(), true),
  subfunctions: v.optional(v.boolean()),
  stream: v.optional(v.picklist(['always', 'with-ide', 'never'])),
  ranges: v.optional(v.picklist(['computed', 'all'])),
  insecure: v.optional(v.picklist(['refused', 'swallowed'])),
  spdm: v.optional(v.picklist(['session', 'none'])),
})

export const HOST_SCENARIO = v.strictObject({
  title: line,
  tsm: v.optional(v.picklist(['link', 'none', 'absent']), 'link'),
  /** Kernels of the staging series describe the TSM in its directory. */
  abi: v.optional(v.picklist(['mainline', 'G2', 'P2']), 'mainline'),
  /** A TSM for the guest's side beside the link TSM, as in the kernel's samples: which of them registers first. */
  devsec: v.optional(v.picklist(['first', 'last'])),
  nonce: nonceMode,
  manufacturer,
  provider: v.optional(provider, {}),
  bridges: v.pipe(v.array(bridge), v.minLength(1, 'at least one host bridge is needed'), v.maxLength(256)),
  ports: v.optional(v.pipe(v.array(ports), v.maxLength(2048)), []),
  devices: v.pipe(v.array(device), v.maxLength(2048)),
})

export type HostScenario = v.InferOutput<typeof HOST_SCENARIO>
export type PortSpec = HostScenario['ports'][number]
export type HostDeviceSpec = HostScenario['devices'][number]
export type IdeSpec = v.InferOutput<typeof ide>
