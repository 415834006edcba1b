/** Data of the commands that look at devices and their registers. */
import * as v from 'valibot'
import {COLUMNS} from '../../operations/columns.js'
import {anything, bdf, finding, hexText, maybe, text, unreadable} from './atoms.js'
import {SPDM_CONVERSATION, SPDM_MESSAGE} from './spdm.js'

const deviceRow = {
  bdf,
  id: maybe(text),
  class: maybe(text),
  className: maybe(text),
  driver: maybe(text),
  hostBridge: maybe(text),
  ports: v.array(bdf),
  tsm: maybe(text),
  state: maybe(text),
  unknown: maybe(text),
}

/** Members that `-o` adds to a row of `list`, from the column table. */
const COLUMN_TYPES = {text, number: v.number(), flag: v.boolean(), list: v.array(text)} as const
const askedMembers = {
  ...Object.fromEntries(COLUMNS.map(({field, type}) => [field, v.optional(maybe(COLUMN_TYPES[type]))])),
  unreadable: v.optional(unreadable),
}

export const DEVICE_DATA = {
  list: v.union([
    v.strictObject({
      devices: v.array(v.strictObject({...askedMembers, ...deviceRow})),
      tsms: v.array(v.strictObject({name: text, mode: maybe(text), parent: maybe(text)})),
      tsmCore: maybe(v.boolean()),
      vanished: v.array(bdf),
    }),
    v.strictObject({
      columns: v.array(
        v.strictObject({name: text, field: text, type: v.picklist(['text', 'number', 'flag', 'list']), help: text}),
      ),
    }),
  ]),
  show: v.strictObject({
    devices: v.array(
      v.strictObject({
        ...deviceRow,
        revision: maybe(hexText),
        subsystem: maybe(text),
        role: maybe(text),
        path: v.array(v.strictObject({bdf, role: maybe(text)})),
        iommuGroup: maybe(text),
        numaNode: maybe(v.number()),
        powerState: maybe(text),
        driverOverride: maybe(text),
        held: maybe(
          v.strictObject({
            driver: maybe(text),
            driverOverride: maybe(text),
            since: maybe(text),
            verb: maybe(text),
            step: maybe(text),
            status: maybe(v.picklist(['kept', 'in progress', 'interrupted'])),
            text,
          }),
        ),
        physfn: maybe(bdf),
        virtfns: v.array(bdf),
        sriov: maybe(v.strictObject({totalVfs: maybe(v.number()), numVfs: maybe(v.number())})),
        siblings: v.array(bdf),
        doeFeatures: maybe(v.array(text)),
        bars: v.array(
          v.strictObject({
            index: v.number(),
            kind: text,
            size: maybe(hexText),
            address: maybe(hexText),
            prefetchable: v.boolean(),
          }),
        ),
        dsm: maybe(text),
        topologyDsm: maybe(v.strictObject({dsm: maybe(bdf), because: text})),
        bound: maybe(text),
        authenticated: maybe(text),
        meaning: v.array(v.strictObject({attribute: text, text})),
        ideStreams: maybe(v.strictObject({capability: v.number(), usable: v.number(), inUse: v.number()})),
        streams: maybe(v.array(text)),
        config: anything,
        findings: v.array(finding),
        unreadable,
      }),
    ),
  }),
  decode: v.union([
    v.strictObject({
      kind: v.literal('config-space'),
      name: text,
      spec: text,
      devices: v.array(
        v.strictObject({
          bdf,
          size: v.number(),
          fields: anything,
          findings: v.array(finding),
          unreadable: maybe(text),
        }),
      ),
    }),
    SPDM_MESSAGE,
    SPDM_CONVERSATION,
    v.strictObject({
      kinds: v.array(v.strictObject({kind: text, name: text, spec: text, context: v.record(text, v.number())})),
    }),
    v.strictObject({
      kind: text,
      name: text,
      spec: text,
      size: v.number(),
      context: v.record(text, v.number()),
      fields: anything,
      findings: v.array(finding),
    }),
  ]),
} as const
