/** The running kernel's build configuration, from wherever this system keeps it. */
import {gunzipSync} from 'node:zlib'
import {ErrnoError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {isGone, type Known, known, refusal, unknown} from '../known.js'

/** Values by option without `CONFIG_`; an option that is not set is not in it. */
export type KernelConfig = ReadonlyMap<string, string>

/** A configuration is about 300 kB; the file is root's, but a recording can hold anything. */
const LARGEST = 8 * 1024 * 1024

const text = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)

function unpack(bytes: Uint8Array, path: string): Known<string> {
  if (!path.endsWith('.gz')) return known(text(bytes))
  try {
    return known(text(gunzipSync(bytes, {maxOutputLength: LARGEST})))
  } catch {
    return unknown(`${path} does not unpack`)
  }
}

const parseKernelConfig = (lines: string): KernelConfig =>
  new Map([...lines.matchAll(/^CONFIG_(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]))

/** Of the running kernel itself first, then what its package left for its release. */
export function readKernelConfig(kernel: Kernel, release: Known<string>): Known<KernelConfig> {
  const paths = ['/proc/config.gz']
  // a release is part of two paths below: only the characters that Kbuild allows there
  if (release.known && /^[\w.+~-]+$/.test(release.value))
    paths.push(`/boot/config-${release.value}`, `/lib/modules/${release.value}/config`)
  let refused: Known<never> | undefined
  for (const path of paths) {
    try {
      const lines = unpack(kernel.read(path), path)
      return lines.known ? known(parseKernelConfig(lines.value)) : lines
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error
      if (!isGone(error)) refused ??= refusal(error, path)
    }
  }
  return refused ?? unknown(`the kernel's configuration is in none of ${paths.join(', ')}`)
}
