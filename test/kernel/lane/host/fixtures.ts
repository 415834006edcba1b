/** `--update`: captures the specs left become fixtures, trimmed and anonymous, each with what a person reads of it. */
import 'reflect-metadata'
import {existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {basename, join} from 'node:path'
import {openReplay, parseCapture, replayKernel} from '../../../../src/kernel/index.js'
import {recordMachine} from '../../../../src/operations/index.js'
import {viewsOf} from '../../../support/read-verbs.js'

/** What every PC has, what carries the shares with the host, and what hangs on the switch beside the device. */
const UNINTERESTING = /0000:00:(?:1f\.[0-7]|1[0-2]\.0|00\.0)|0000:0(?:4:01|6:00)\.0/
/** All but the first two root ports and what is below them. */
const BUT_TWO_PORTS = /0000:(?:00:05|0[3-6]:0\d|4[01]:00)\.\d|pci0000:40/
/** Of a capture that is about few devices: what it does without. */
const OTHERS: Readonly<Record<string, RegExp>> = {
  'kernel-host-insecure': /0000:(?:00:0[456]|0[2-6]:0\d|4[01]:00)\.\d|pci0000:40/,
  'kernel-guest-run': BUT_TWO_PORTS,
  'kernel-without-tsm': BUT_TWO_PORTS,
}

/** Fixtures of the captures below `share`; returns their names. */
export async function updateFixtures(share: string, fixtures: string): Promise<readonly string[]> {
  const captures = join(share, 'out/captures')
  const files = existsSync(captures) ? readdirSync(captures) : []
  for (const file of files) {
    const whole = parseCapture(readFileSync(join(captures, file), 'utf8'))
    const name = basename(file, '.json')
    const isKept = (path: string): boolean => !UNINTERESTING.test(path) && OTHERS[name]?.test(path) !== true
    const nodes = new Map([...whole.nodes].filter(([path]) => isKept(path)))
    const trimmed = replayKernel({...whole, nodes, label: name})
    // oxlint-disable-next-line no-await-in-loop
    const {text} = await recordMachine(trimmed, {anonymise: true})
    const target = join(fixtures, 'captures', file)
    writeFileSync(target, text)
    const views = join(fixtures, 'views', name)
    rmSync(views, {recursive: true, force: true})
    mkdirSync(views, {recursive: true})
    // oxlint-disable-next-line no-await-in-loop
    for (const [title, view] of Object.entries(await viewsOf(openReplay(target))))
      writeFileSync(join(views, `${title}.txt`), view)
  }
  return files
}
