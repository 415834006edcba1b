/** Attributes that answer at once, read as facts. */
import {quoted} from '../errors.js'
import {type Kernel, readText} from '../kernel/index.js'
import {attemptPresent, type Known, known, type Present, thenKnown, unknown} from '../known.js'
import {type Bdf, isBdf} from './bdf.js'

export const readAttribute = (kernel: Kernel, path: string): Present<string> =>
  attemptPresent(path, at => readText(kernel, at))

function parse(path: string, text: string, pattern: RegExp): Known<number> {
  return pattern.test(text) ? known(Number(text)) : unknown(`${path} reads ${quoted(text)}, not a number`)
}

const readNumber = (kernel: Kernel, path: string, pattern: RegExp): Present<number> => {
  const text = readAttribute(kernel, path)
  return text.present ? {present: true, value: thenKnown(text.value, value => parse(path, value, pattern))} : text
}

/** A decimal number, possibly negative. */
export const readDecimal = (kernel: Kernel, path: string): Present<number> => readNumber(kernel, path, /^-?\d{1,9}$/)

/** A hexadecimal number with its `0x`. */
export const readHexadecimal = (kernel: Kernel, path: string): Present<number> =>
  readNumber(kernel, path, /^0x[0-9a-f]{1,8}$/)

/** Last component of a link's target: how sysfs names drivers, groups and other devices. */
export const readLinkName = (kernel: Kernel, path: string): Present<string> =>
  attemptPresent(path, at => {
    const target = kernel.readlink(at)
    return target.slice(target.lastIndexOf('/') + 1)
  })

/** The function a link leads to; unknown when it leads to anything else, which no kernel makes but a recording can. */
export function readFunctionLink(kernel: Kernel, path: string): Present<Bdf> {
  const name = readLinkName(kernel, path)
  if (!name.present) return name
  const value = thenKnown(name.value, bdf =>
    isBdf(bdf) ? known(bdf) : unknown(`${path} does not lead to a PCI function`),
  )
  return {present: true, value}
}
