/** Where a responder is: behind a TCP socket, or in a PCI function's mailbox. */
import {quoted, TsmctlError} from '../errors.js'
import type {TcpAddress} from '../kernel/index.js'
import {type Bdf, parseBdf} from '../pci/index.js'
import {SPDM_PORT} from './spdm-tcp-frame.js'

export type Endpoint = {readonly kind: 'tcp'; readonly address: TcpAddress} | {readonly kind: 'doe'; readonly bdf: Bdf}

const SCHEME = 'tcp://'
const ANY_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
/** `127.0.0.1:2323`, `localhost:2323`: no function looks like that. */
const HOST_AND_NUMBER = /^(?:localhost|\d+\.\d+\.\d+\.\d+)(?::\d+)?$/
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/

const misunderstood = (attempted: string, got: string): TsmctlError =>
  new TsmctlError({kind: 'usage', attempted, got, hint: `For example 127.0.0.1:${SPDM_PORT}.`})

/** `127.0.0.1`, `127.0.0.1:2323`, `[::1]:2323`. Throws TsmctlError of kind `usage`. */
export function parseAddress(text: string, lowest = 1): TcpAddress {
  const [, six, host, port = `${SPDM_PORT}`] = HOST_AND_PORT.exec(text) ?? []
  const name = six ?? host
  if (name === undefined) throw misunderstood(`use address ${quoted(text)}`, 'it is not HOST:PORT')
  if (Number(port) < lowest || Number(port) > 0xffff)
    throw misunderstood(`use address ${quoted(text)}`, `there is no port ${port}`)
  return {host: name, port: Number(port)}
}

/** `tcp://HOST[:PORT]` or a BDF. Throws TsmctlError of kind `usage`. */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith(SCHEME)) return {kind: 'tcp', address: parseAddress(text.slice(SCHEME.length))}
  if (ANY_SCHEME.test(text) || HOST_AND_NUMBER.test(text))
    throw new TsmctlError({
      kind: 'usage',
      attempted: `attest ${quoted(text)}`,
      got: 'it is neither a PCI function nor a TCP address',
      hint: `Name a responder as ${SCHEME}HOST:PORT, a function as 0000:01:00.0.`,
    })
  return {kind: 'doe', bdf: parseBdf(text)}
}

/** Reachable from this machine only. */
export const isLoopback = ({host}: TcpAddress): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
