/** The shapes of what only a host's files hold. */
import {
  fields,
  isByte,
  isCount,
  isFlag,
  isText,
  isUpTo,
  isWord,
  listOf,
  mapOf,
  maybe,
  nullOr,
  oneOf,
  type Shape,
} from '../shapes.js'

/** An offset in configuration space. */
const isConfig = isUpTo(0xfff)
const isRange: Shape = value => Array.isArray(value) && value.length === 2 && value.every(isWord)
const isWindow: Shape = value =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every(text => isText(text) && /^[0-9a-f]{1,16}$/.test(text as string))

const firmwareStream = fields({block: isByte, id: isByte, link: isFlag, secure: isFlag})

export const isHostFunction: Shape = fields({
  bridge: isText,
  portType: isUpTo(15),
  teeIo: isFlag,
  upstream: nullOr(isText),
  rootPort: nullOr(isText),
  vf: nullOr(fields({physfn: isText, index: isWord})),
  sriov: nullOr(fields({at: isConfig, next: isConfig, offset: isWord, stride: isWord})),
  ide: nullOr(
    fields({
      at: isConfig,
      teeLimited: isFlag,
      config: isFlag,
      link: isByte,
      associations: listOf(isByte),
      streams: listOf(firmwareStream),
    }),
  ),
  memory: nullOr(isWindow),
  prefetchable: nullOr(isWindow),
  mailboxes: listOf(listOf(isText)),
  power: isText,
  numaNode: isCount,
})

export const isHostPlatform: Shape = fields({
  bridges: listOf(fields({name: isText, pool: isCount})),
  provider: fields({
    like: oneOf('generic', 'sev-tio'),
    parent: nullOr(isText),
    registered: isFlag,
    subfunctions: isFlag,
    stream: oneOf('always', 'with-ide', 'never'),
    ranges: oneOf('computed', 'all'),
    insecure: oneOf('refused', 'swallowed'),
    registers: oneOf('first', 'last'),
    // not written by earlier versions
    spdm: maybe(oneOf('session', 'none')),
  }),
})

const link = {enable: isFlag, streamId: isByte, state: isUpTo(15), fail: isFlag}
const selective = {
  ...link,
  defaultStream: isFlag,
  config: isFlag,
  tee: isFlag,
  rids: nullOr(isRange),
  addresses: listOf(isWindow),
}

const stream = fields({
  bridge: isText,
  slot: isCount,
  rootPort: isText,
  rootPortBlock: isCount,
  endpoint: isText,
  endpointBlock: isCount,
  id: isCount,
})

export const isHostState: Shape = fields({
  tsm: nullOr(isText),
  ide: mapOf(
    fields({
      kernel: nullOr(fields({blocks: isCount, held: listOf(isCount)})),
      link: listOf(fields(link)),
      selective: listOf(fields(selective)),
    }),
  ),
  claimed: mapOf(listOf(isCount)),
  contexts: mapOf(fields({tsm: isText, dsm: isText})),
  streams: listOf(stream),
  numVfs: mapOf(isWord),
  powerControl: mapOf(isText),
})
