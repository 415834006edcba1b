/**
 * Kobject uevents as the kernel broadcasts them (Linux `lib/kobject_uevent.c`): `ACTION@DEVPATH`, then `KEY=VALUE` for
 * each property, every string ended by NUL. The core's own ACTION, DEVPATH and SUBSYSTEM come first and SEQNUM last. An
 * event is a hint to look again: what a device put into its properties is as untrusted as the device.
 */
import {DecodeError} from '../bits/index.js'
import {quoted} from '../errors.js'

export interface Uevent {
  /** `add`, `remove`, `change`, `move`, `online`, `offline`, `bind`, `unbind`. */
  readonly action: string
  /** Path of the kobject below `/sys`, with leading slash. */
  readonly devpath: string
  /** All properties in the order of the message, ACTION and DEVPATH included. Of a key that comes twice, the first. */
  readonly properties: ReadonlyMap<string, string>
}

/** Bytes. The kernel's buffer for properties has 2048; the path comes on top, twice. */
export const LARGEST_UEVENT = 16_384

const ACTION = /^[a-z]{1,16}$/
/** Beginning of what udev sends to its own listeners (group 2): a binary header follows, and anybody may send it. */
const UDEV = 'libudev\0'

const refusal = (path: string, offset: number, expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'uevent', path, offset, expected, got})

/** Decodes one message. Throws DecodeError for anything the kernel does not send. */
export function parseUevent(message: Uint8Array): Uevent {
  if (message.length > LARGEST_UEVENT)
    throw refusal('', 0, `at most ${LARGEST_UEVENT} bytes`, `${message.length} bytes`)
  // Latin-1 loses no byte, whatever a driver printed
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('latin1')
  if (text.startsWith(UDEV)) throw refusal('header', 0, 'an event of the kernel', "a message of udev's")
  if (!text.endsWith('\0')) throw refusal('', text.length, 'NUL at the end', 'none')

  const [header = '', ...strings] = text.slice(0, -1).split('\0')
  const at = header.indexOf('@')
  const [action, devpath] = at < 0 ? [header, ''] : [header.slice(0, at), header.slice(at + 1)]
  if (!ACTION.test(action)) throw refusal('action', 0, 'an action in lower case', quoted(action, 20))
  if (!devpath.startsWith('/')) throw refusal('devpath', at + 1, 'a path', quoted(devpath, 20))

  const properties = new Map<string, string>()
  let offset = header.length + 1
  for (const [i, string] of strings.entries()) {
    const equals = string.indexOf('=')
    if (equals < 1) throw refusal(`[${i}]`, offset, 'KEY=VALUE', quoted(string, 20))
    const key = string.slice(0, equals)
    if (!properties.has(key)) properties.set(key, string.slice(equals + 1))
    offset += string.length + 1
  }
  for (const [key, said] of [
    ['ACTION', action],
    ['DEVPATH', devpath],
  ] as const)
    if (properties.get(key) !== said)
      throw refusal(key, 0, 'what the header says', quoted(properties.get(key) ?? '', 20))
  return {action, devpath, properties}
}

/** Encodes an event; ACTION and DEVPATH come first, given or not. Throws RangeError for what could not be read back. */
export function encodeUevent({action, devpath, properties}: Uevent): Uint8Array {
  const all = new Map([['ACTION', action], ['DEVPATH', devpath], ...properties])
  const strings = [`${action}@${devpath}`, ...[...all].map(([key, value]) => `${key}=${value}`)]
  if (!ACTION.test(action)) throw new RangeError(`uevent: ${quoted(action)} is no action`)
  if (!devpath.startsWith('/')) throw new RangeError(`uevent: ${quoted(devpath)} is no path`)
  if (all.get('ACTION') !== action || all.get('DEVPATH') !== devpath)
    throw new RangeError('uevent: ACTION and DEVPATH repeat the header')
  for (const key of all.keys()) if (!/^[^=\0]+$/.test(key)) throw new RangeError('uevent: a key is a name without "="')
  const text = `${strings.join('\0')}\0`
  // oxlint-disable-next-line no-control-regex
  if (strings.some(string => string.includes('\0')) || !/^[\x00-\xff]*$/.test(text))
    throw new RangeError('uevent: strings are bytes without NUL')
  if (text.length > LARGEST_UEVENT) throw new RangeError(`uevent: ${text.length} bytes, at most ${LARGEST_UEVENT}`)
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
