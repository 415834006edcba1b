/** Captures of the running kernel, as `tsmctl record` makes them. */
import {mkdirSync, writeFileSync} from 'node:fs'
import type {Kernel} from '../../../../src/kernel/index.js'
import {recordMachine} from '../../../../src/operations/index.js'

/** Where host/fixtures.ts looks for them. */
const OUT = '/mnt/out/captures'

/** Records the machine and leaves the capture outside; returns its text. */
export async function recordAs(name: string, kernel: Kernel): Promise<string> {
  const {text} = await recordMachine(kernel, {anonymise: false})
  mkdirSync(OUT, {recursive: true})
  writeFileSync(`${OUT}/${name}.json`, text)
  return text
}
