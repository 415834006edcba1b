/**
 * The shapes of a machine's two files. Another process, an editor or a full disk may have left anything there, and the
 * simulator trusts its types from here on. Nothing but what is listed may be present.
 */
import {TDI_STATE} from '../tdisp/index.js'
import {ABIS} from './abi.js'
import {isHostFunction, isHostPlatform, isHostState} from './host/shape.js'
import {
  fields,
  isByte,
  isCount,
  isFlag,
  isLike,
  isText,
  isUpTo,
  isWhole,
  isWord,
  listOf,
  mapOf,
  maybe,
  nullOr,
  oneOf,
  type Shape,
} from './shapes.js'
import {isStoredLink} from './tsm/index.js'

const fault = fields({
  device: isText,
  at: isText,
  do: isText,
  when: maybe(isText),
  errno: maybe(isText),
  object: maybe(isText),
  with: maybe(isText),
  offset: maybe(isCount),
  request: maybe(isText),
  code: maybe(isText),
  ms: maybe(isCount),
  seconds: maybe(isWhole),
  times: maybe(value => value === 'always' || isCount(value)),
  after: maybe(isCount),
  end: maybe(isText),
  id: maybe(isCount),
  block: maybe(isCount),
  count: maybe(isCount),
  step: maybe(isText),
})

const dsm = fields({
  name: maybe(isText),
  interfaceId: maybe(isCount),
  mmioReportingOffset: maybe(isText),
  model: isText,
  identity: isText,
  key: isText,
  slot: maybe(isCount),
  hash: maybe(isText),
  chain: isText,
  vca: isText,
  measurements: isText,
  report: isText,
})

/** `identities.json`. */
export const isIdentities: Shape = fields({machineId: isText, root: isText, devices: mapOf(dsm)})

/** A BDF, and the path of a function below its host bridge and ports. */
const isBdf = isLike(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/)
const isFunctionPath = isLike(
  /^\/sys\/devices\/pci[0-9a-f]{4,8}:[0-9a-f]{2}(?:\/[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])+$/,
)
/** What becomes the name of a file or directory. */
const isName = isLike(/^(?!\.{1,2}$)[^/\0]{1,128}$/)

const simFunction = fields({
  bdf: isBdf,
  path: isFunctionPath,
  ids: fields({
    vendor: isWord,
    device: isWord,
    subsystemVendor: isWord,
    subsystemDevice: isWord,
    classCode: isUpTo(0xff_ffff),
    revision: isByte,
  }),
  config: isText,
  resources: listOf(isText),
  isBridge: isFlag,
  iommuGroup: nullOr(isCount),
  driver: nullOr(isName),
  bound: isFlag,
  totalVfs: isWord,
  vfDevice: isWord,
  doeFeatures: listOf(isText),
  serialNumber: nullOr(isText),
  dsm: nullOr(dsm),
  host: nullOr(isHostFunction),
})

const reference = fields({
  index: isCount,
  type: isText,
  digest: maybe(isText),
  raw: maybe(isText),
  svn: maybe(isCount),
})

/** `machine.json`. */
export const isMachine: Shape = fields({
  format: isText,
  scenario: isText,
  title: isText,
  created: isText,
  tsm: oneOf('devsec', 'link', 'none', 'absent'),
  devsec: maybe(nullOr(isName)),
  nonce: oneOf('honoured', 'ignored', 'refused'),
  abi: maybe(oneOf(...Object.keys(ABIS))),
  validate: maybe(isFlag),
  machineId: isText,
  manufacturer: isText,
  root: nullOr(isText),
  functions: listOf(simFunction),
  drivers: listOf(isName),
  models: listOf(fields({model: isText, reference: listOf(reference)})),
  faults: listOf(fault),
  host: nullOr(isHostPlatform),
})

const functionState = fields({
  present: isFlag,
  driver: nullOr(isText),
  override: nullOr(isText),
  enabled: isCount,
  switches: maybe(mapOf(isFlag)),
  tdi: fields({
    state: oneOf(...Object.keys(TDI_STATE)),
    lockedBy: nullOr(isText),
    accepted: isFlag,
    epoch: isCount,
    startNonce: nullOr(isText),
    report: maybe(nullOr(isText)),
    reports: isCount,
    measurements: nullOr(isText),
    previous: nullOr(isText),
    generation: maybe(isCount),
    validated: maybe(nullOr(isCount)),
  }),
})

const stateFields = fields({
  revision: isCount,
  bootId: isText,
  autoprobe: isFlag,
  functions: mapOf(functionState),
  links: maybe(mapOf(isStoredLink)),
  faults: listOf(fault),
  violations: listOf(fields({kind: isText, device: isText, detail: isText})),
  world: maybe(fields({clock: isWhole, refuses: isFlag, tsm: isFlag})),
  events: maybe(fields({next: isCount, ring: listOf(isText)})),
  host: nullOr(isHostState),
})

/** `state.json` of a machine with functions of these names. */
export const isStateOf =
  (names: readonly string[]): Shape =>
  value => {
    if (!stateFields(value)) return false
    const {functions} = value as {readonly functions: object}
    return Object.keys(functions).length === names.length && names.every(name => Object.hasOwn(functions, name))
  }
