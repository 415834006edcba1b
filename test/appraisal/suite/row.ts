/** One thing wrong at a time: what a row of the suite is, and the small tools rows are written with. */
import type {Bundle} from '../../../src/evidence/index.js'
import {parseVca} from '../../../src/spdm/index.js'
import {der, otherNames} from '../../spdm/authority.js'
import {
  basic,
  certificates,
  chainObject,
  deviceInfo,
  type Forgery,
  GENUINE,
  IDENTITY,
  RANGES,
  Usage,
  usage,
} from '../forge.js'
import type {Base} from '../bases/index.js'
import {VCA} from '../bases/negotiation.js'
import type {judge} from '../guest.js'

export {VCA} from '../bases/negotiation.js'
const {messages} = parseVca(VCA)
/** Bytes of a copy, changed. */
export const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array => {
  const copy = bytes.slice()
  change(copy)
  return copy
}
export const put = (bytes: Uint8Array, at: number, value: number): Uint8Array =>
  changed(bytes, copy => (copy[at] = value))
export const flip = (bytes: Uint8Array, at: number): Uint8Array => changed(bytes, copy => (copy[at]! ^= 1))
/** Where the responder's messages start in the negotiation. */
export const [, VERSION, , CAPABILITIES, , ALGORITHMS] = messages.map(({offset}) => offset) as number[]
export const flagsAt = CAPABILITIES! + 8

export const chain = chainObject(GENUINE)
export const zero48 = new Uint8Array(48)
export const range = RANGES[0]!
export const second = RANGES[1]!
export const third = RANGES[2]!

/** Evidence that is sound except for one thing, and the check that is there for that thing. */
export interface Row {
  /** Number of the case and what is wrong. */
  readonly name: string
  /** The check that must fail. */
  readonly check: string
  /** What the evidence starts from; G1 unless given. */
  readonly base?: Base
  /** What is replaced in the base evidence. */
  readonly forgery?: Forgery | (() => Promise<Forgery>)
  /** What somebody does to the bundle after it was frozen. */
  readonly tamper?: (bundle: Bundle) => Bundle
  /** Instead of that of the base. */
  readonly policy?: object
  readonly circumstances?: Parameters<typeof judge>[2]
  /** Other checks that see the same thing on their own. */
  readonly also?: readonly string[]
  /** Checks that neither fail nor depend on it, and yet say something else than about the base. */
  readonly besides?: readonly string[]
}

export const row = (
  name: string,
  check: string,
  forgery?: Row['forgery'],
  policy?: object,
  circumstances?: Row['circumstances'],
): Row => ({name, check, ...(forgery && {forgery}), ...(policy && {policy}), ...(circumstances && {circumstances})})

/** Rows that start from `base`. */
export const rowsOn = (base: Base, ...rows: readonly Row[]): readonly Row[] => rows.map(item => ({...item, base}))

/** The row, where other checks see the same thing on their own. */
export const alsoSeenBy = (item: Row, ...also: readonly string[]): Row => ({...item, also})

/** The row, where other checks neither fail nor depend on it, and yet have something else to say. */
export const besides = (item: Row, ...others: readonly string[]): Row => ({...item, besides: others})

export const chainOf = (spec: Parameters<typeof certificates>[0]) => async (): Promise<Forgery> => ({
  chain: chainObject(await certificates(spec)),
})
export const leafWith = (
  ...extensions: Parameters<typeof chainOf>[0] extends undefined ? never : ReturnType<typeof basic>[]
) => chainOf({leaf: {extensions: [...extensions, deviceInfo(IDENTITY)]}})

export const DMTF = '1.3.6.1.4.1.412.274'
export const CMA_NAME = '2.23.147'
export const TCB_INFO = '2.23.133.5.4.1'
/** Unused bits, then the fourth flag. */
export const DEBUG_FLAG = Uint8Array.of(4, 0x10)
/** A layer of svn 5 (TCG DICE Attestation Architecture 1.1 §6.1.1). */
export const tcbInfo = (...more: readonly Uint8Array[]): Uint8Array =>
  der(0x30, der(0x83, Uint8Array.of(5)), der(0x84, Uint8Array.of(0)), ...more)
/** A leaf with one extension more. */
export const marked = (more: ReturnType<typeof basic>) => leafWith(basic(false), usage(Usage.digitalSignature), more)
/** A leaf with the name of PCI-SIG beside that of DMTF. */
export const named = (cma: string) =>
  chainOf({
    leaf: {
      extensions: [basic(false), usage(Usage.digitalSignature), otherNames([`${DMTF}.1`, IDENTITY], [CMA_NAME, cma])],
    },
  })
