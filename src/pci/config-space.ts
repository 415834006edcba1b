/**
 * Facts of a function's configuration space, from however many bytes could be read: 64 without privilege, 256 of a
 * conventional device or an `lspci -xxx` dump, 4096 of everything else. What lies beyond is unknown, not absent.
 */
import type {AnyLayout, Finding, View} from '../bits/index.js'
import {
  type Capability,
  EXTENDED_END,
  EXTENDED_START,
  type Space,
  walkExtended,
  walkStandard,
} from './capability-walk.js'
import {DOE} from './doe-layouts.js'
import {EXPRESS} from './express.js'
import {COMMON_HEADER, HEADER_TYPE, TYPE0_HEADER, TYPE1_HEADER} from './headers.js'
import {type Known, known, mapKnown, thenKnown, unknown} from '../known.js'

export type Header =
  | {readonly type: 'endpoint'; readonly fields: View<typeof TYPE0_HEADER.fields>}
  | {readonly type: 'bridge'; readonly fields: View<typeof TYPE1_HEADER.fields>}
  | {readonly type: 'other'; readonly fields: View<typeof COMMON_HEADER.fields>}

export interface DoeMailbox {
  readonly offset: number
  readonly version: number
  readonly registers: View<typeof DOE.fields>
}

export interface ConfigSpace {
  /** Bytes that were there to decode. */
  readonly length: number
  /** The function no longer answers: every byte reads FFh. Everything else is then unknown. */
  readonly gone: boolean
  readonly header: Known<Header>
  readonly capabilities: Known<readonly Capability[]>
  readonly extendedCapabilities: Known<readonly Capability[]>
  /** PCI Express capability; undefined for a conventional PCI function. */
  readonly express: Known<View<typeof EXPRESS.fields> | undefined>
  /** TEE-IO Supported: the function can be a TDI or hold a DSM. */
  readonly teeIo: Known<boolean>
  /** Data Object Exchange mailboxes. */
  readonly doe: Known<readonly DoeMailbox[]>
  /** Offset of the IDE extended capability; undefined when there is none. */
  readonly ide: Known<number | undefined>
  /** What a reviewer should see: loops, overlaps, pointers that lead nowhere. */
  readonly findings: readonly Finding[]
}

const HEADER_LENGTH = 64
const IDE_ID = 0x0030

function shortfall(length: number, size: number | undefined): string {
  if (length < HEADER_LENGTH) return `only ${length} bytes of configuration space at hand`
  if (length < EXTENDED_START) return `only ${length} bytes of configuration space are readable without CAP_SYS_ADMIN`
  return size === undefined || size > length
    ? `only ${length} bytes of configuration space at hand`
    : `configuration space ends at ${length} bytes`
}

function readHeader({data, length}: Space): Header {
  const common = COMMON_HEADER.read(data, 0, length).value
  if (common.headerType === HEADER_TYPE.endpoint)
    return {type: 'endpoint', fields: TYPE0_HEADER.read(data, 0, length).value}
  if (common.headerType === HEADER_TYPE.bridge)
    return {type: 'bridge', fields: TYPE1_HEADER.read(data, 0, length).value}
  return {type: 'other', fields: common}
}

function readStandard(space: Space, header: Header): Known<readonly Capability[]> {
  if (!header.fields.capabilitiesList) return known([])
  if (header.type === 'other') return unknown(`header type ${header.fields.headerType} is not decoded`)
  return walkStandard(space, header.fields.capabilitiesPointer)
}

/** Only PCI Express functions have an extended space, and Linux offers 4096 bytes exactly when there is one. */
function readExtended(space: Space, isExpress: Known<boolean>, size: number | undefined): Known<readonly Capability[]> {
  if (!isExpress.known) return isExpress
  if (!isExpress.value || size === EXTENDED_START) return known([])
  return space.length > EXTENDED_START ? walkExtended(space) : unknown(space.short)
}

/** Registers of every capability of one kind; unknown when one of them could not be decoded. */
function allOf<L extends AnyLayout>(
  list: readonly Capability[],
  layout: L,
): Known<readonly {readonly offset: number; readonly version: number; readonly registers: ReturnType<L['decode']>}[]> {
  const found = list.filter(capability => capability.layout === layout)
  if (found.some(({value}) => value === undefined)) return unknown(`${layout.name} does not fit configuration space`)
  return known(
    found.map(({offset, version = 0, value}) => ({offset, version, registers: value as ReturnType<L['decode']>})),
  )
}

const firstOf = <L extends AnyLayout>(list: Known<readonly Capability[]>, layout: L) =>
  mapKnown(
    thenKnown(list, all => allOf(all, layout)),
    found => found[0]?.registers,
  )

/**
 * First capability of the kind `layout` describes, standard or extended: `capabilityOf(space, SRIOV)`; undefined when
 * the function has none.
 */
export function capabilityOf<L extends AnyLayout>(
  space: ConfigSpace,
  layout: L,
): Known<ReturnType<L['decode']> | undefined> {
  const standard = firstOf(space.capabilities, layout)
  return standard.known && standard.value === undefined ? firstOf(space.extendedCapabilities, layout) : standard
}

function allUnknown(length: number, gone: boolean, reason: string): ConfigSpace {
  const nothing = unknown(reason)
  return {
    length,
    gone,
    header: nothing,
    capabilities: nothing,
    extendedCapabilities: nothing,
    express: nothing,
    teeIo: nothing,
    doe: nothing,
    ide: nothing,
    findings: [],
  }
}

/**
 * Facts from any number of bytes; never throws. `size` is how large the file says configuration space is: it tells
 * "there are only 256 bytes" from "only 256 bytes were read".
 */
export const decodeConfigSpace = (bytes: Uint8Array, size?: number): ConfigSpace =>
  readConfigSpace(new Uint8Array(bytes.subarray(0, EXTENDED_END)), size)

/** The same without copying: the caller owns the bytes, and nobody changes them any more. */
export function readConfigSpace(bytes: Uint8Array, size?: number): ConfigSpace {
  const length = Math.min(bytes.length, EXTENDED_END)
  const short = shortfall(length, size)
  if (length < HEADER_LENGTH) return allUnknown(length, false, short)
  if (bytes.subarray(0, HEADER_LENGTH).every(byte => byte === 0xff))
    return allUnknown(length, true, 'the device does not answer: configuration space reads all ones')
  const space: Space = {data: new DataView(bytes.buffer, bytes.byteOffset, length), length, short, findings: []}
  const header = readHeader(space)
  const capabilities = readStandard(space, header)
  const express = firstOf(capabilities, EXPRESS)
  const extendedCapabilities = readExtended(
    space,
    mapKnown(capabilities, list => list.some(({layout}) => layout === EXPRESS)),
    size,
  )
  return {
    length,
    gone: false,
    header: known(header),
    capabilities,
    extendedCapabilities,
    express,
    teeIo: mapKnown(express, registers => registers?.teeIo ?? false),
    doe: thenKnown(extendedCapabilities, list => allOf(list, DOE)),
    ide: mapKnown(extendedCapabilities, list => list.find(({id}) => id === IDE_ID)?.offset),
    findings: space.findings,
  }
}
