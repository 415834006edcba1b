/** Test data of the SPDM room: bytes read in place, never copied. */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {gunzipSync} from 'node:zlib'
import type {CertificateFacts} from '../../src/spdm/index.js'
export {recordsOf} from './records.js'
import {certificatesOfPem, loadCertificateReader} from '../../src/spdm/index.js'

const ROOT = new URL('../../../shared/data/', import.meta.url)

export const dataPath = (name: string): string => fileURLToPath(new URL(name, ROOT))
export const hasData = (name: string): boolean => existsSync(dataPath(name))
export const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(dataPath(name)))
export const textOf = (name: string): string =>
  name.endsWith('.gz')
    ? gunzipSync(readFileSync(dataPath(name))).toString('utf8')
    : readFileSync(dataPath(name), 'utf8')

const reader = await loadCertificateReader()
export const {certificateFacts} = reader

/** Facts of a vendor's leaf-first PEM file, root first. */
export const chainOfPem = (name: string): CertificateFacts[] =>
  certificatesOfPem(textOf(name)).map(certificateFacts).toReversed()

/** Copy with bit `n` inverted. */
export function flipped(bytes: Uint8Array, n: number): Uint8Array {
  const out = bytes.slice()
  out[n >>> 3]! ^= 1 << (n & 7)
  return out
}
