/** A whole configuration space as JSON and as text: for `show` and for `decode config-space`. */
import {DecodeError, describe, hex, type Json, toHex} from '../bits/index.js'
import {harmless} from '../errors.js'
import {type Ide, readIde} from '../ide/index.js'
import {type Known, known, thenKnown, unknown, valueOf} from '../known.js'
import {type Capability, className, type ConfigSpace} from '../pci/index.js'
import type {View} from './view.js'

const jsonOf = (value: unknown): Json => (value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json))

const capabilityJson = ({id, name, offset, version, value}: Capability): Json => ({
  id: hex(id, 2),
  name,
  offset,
  version: version ?? null,
  fields: jsonOf(value),
})

const listJson = (list: Known<readonly Capability[]>): Json =>
  list.known ? {known: true, list: list.value.map(capabilityJson)} : {known: false, reason: list.reason}

/**
 * IDE registers (PCIe r6.2 §7.9.26) of a configuration space, undefined when it has none. Unknown when they were not
 * read, and when the capability does not fit where the device says it is. The caller owns the bytes.
 */
export function ideOf(space: ConfigSpace, bytes: Uint8Array): Known<Ide | undefined> {
  return thenKnown(space.ide, offset => {
    if (offset === undefined) return known(undefined)
    try {
      return known(readIde(bytes, offset))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return unknown(error.message)
    }
  })
}

function ideJson(ide: Ide | undefined): Json {
  if (ide === undefined) return null
  const stream = (s: Ide['linkStreams'][number] | Ide['selectiveStreams'][number]): Json => ({
    index: s.index,
    offset: s.offset,
    enabled: s.enabled,
    streamId: s.streamId,
    state: s.state,
    secure: s.secure,
    idle: s.idle ?? null,
    failReceived: s.failReceived,
    registers: jsonOf(s.registers),
  })
  return {
    offset: ide.offset,
    capability: jsonOf(ide.capability),
    promised: {...ide.promised},
    complete: ide.complete,
    linkStreams: ide.linkStreams.map(stream),
    selectiveStreams: ide.selectiveStreams.map(s => ({
      ...(stream(s) as Record<string, Json>),
      usableByLinux: s.usableByLinux,
      defaultStream: s.defaultStream,
      teeLimited: s.teeLimited,
      rid: {...s.rid},
      addresses: s.addresses.map(a => ({index: a.index, valid: a.valid, base: hex(a.base), limit: hex(a.limit)})),
    })),
  }
}

const capabilityLine = ({id, name, offset, version}: Capability): string =>
  `  ${hex(offset, 3)}  ${hex(id, 2).padEnd(6)}  ${name}${version === undefined ? '' : ` (version ${version})`}\n`

function listText(title: string, list: Known<readonly Capability[]>): string {
  if (!list.known) return `${title}: unknown: ${list.reason}\n`
  if (list.value.length === 0) return `${title}: none\n`
  return `${title}:\n${list.value.map(capabilityLine).join('')}`
}

export function ideText(ide: Ide): string {
  const streams = [...ide.linkStreams, ...ide.selectiveStreams].map(s => {
    const state = s.enabled ? `Stream ID ${s.streamId}, ${s.state}` : `idle (${s.idle})`
    return `  ${s.kind} ${s.index} at ${hex(s.offset, 3)}: ${state}${s.failReceived ? ', IDE fail message received' : ''}\n`
  })
  return `IDE streams: ${ide.promised.link} link, ${ide.promised.selective} selective\n${streams.join('')}`
}

const yesNo = (fact: Known<boolean>): string => (fact.known ? (fact.value ? 'yes' : 'no') : `unknown: ${fact.reason}`)

export function viewConfigSpace(space: ConfigSpace, bytes: Uint8Array): View {
  const ide = valueOf(ideOf(space, bytes))
  const found = [...space.findings, ...(ide?.findings ?? [])]
  const header = space.header.known ? space.header.value : undefined
  const fields: Json = {
    length: space.length,
    gone: space.gone,
    header: header === undefined ? null : {type: header.type, fields: jsonOf(header.fields)},
    capabilities: listJson(space.capabilities),
    extendedCapabilities: listJson(space.extendedCapabilities),
    teeIo: space.teeIo.known ? space.teeIo.value : null,
    ide: ideJson(ide),
    doe: space.doe.known ? space.doe.value.map(({offset}) => offset) : null,
  }
  return {fields, found, text: textOf(space, ide)}
}

function textOf(space: ConfigSpace, ide: Ide | undefined): string {
  if (!space.header.known) return `configuration space (${space.length} bytes): ${harmless(space.header.reason, 300)}\n`
  const {type, fields} = space.header.value
  const classCode = Number.parseInt(toHex(new Uint8Array([fields.baseClass, fields.subClass, fields.progIf])), 16)
  return [
    `${fields.vendorId.toString(16).padStart(4, '0')}:${fields.deviceId.toString(16).padStart(4, '0')} `,
    `${className(classCode)}, ${type}, ${space.length} bytes\n`,
    `TEE-IO supported: ${yesNo(space.teeIo)}\n`,
    listText('capabilities', space.capabilities),
    listText('extended capabilities', space.extendedCapabilities),
    ide === undefined ? '' : ideText(ide),
  ].join('')
}

/** Every capability's registers, one block each. */
export const registersText = (space: ConfigSpace): string =>
  [space.capabilities, space.extendedCapabilities]
    .flatMap(list => (list.known ? list.value : []))
    .map(({layout, value, name, offset}) =>
      layout === undefined || value === undefined ? '' : `\n${name} at ${hex(offset, 3)}\n${describe(layout, value)}`,
    )
    .join('')

/** Both: what there is, and then every register of it. */
export function viewWholeSpace(space: ConfigSpace, bytes: Uint8Array): View {
  const view = viewConfigSpace(space, bytes)
  return {...view, text: view.text + registersText(space)}
}
