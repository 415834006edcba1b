/** Logs of an earlier walk over the real kernel: every answer in them is in the script's, or a reason is given here. */
import {existsSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'

const LOGS = new URL('../../../shared/data/sysfs/', import.meta.url)
const MISSING = existsSync(LOGS) ? '' : ' (skipped: no ../shared/data/sysfs)'
const GOLDEN = readFileSync(new URL('../../fixtures/kernel/host.txt', import.meta.url), 'utf8')

/** Who is asked otherwise by the script, or by another test. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^(?:==|#| {3}(?:connect|disconnect|remove|lock|accept|insmod))/, 'headings and times'],
  [/^\$ (?:ins|rm)mod/, 'modules of the tests'],
  [/\/sys\/kernel\/debug|^bind of|tsm\/bound -> "tsm0/, 'what the test module itself offers'],
  [/^ls {4}0000:01:00\.0 -> aer/, 'attributes that tsmctl does not read'],
  [/power_state|\/config\/tsm|tdx_guest|^ {3}\d{3} +\d+ |parameters\/calls/, 'specs/guest: reports and registers'],
  [/^ {3}(?:read resource|read uevent|mkdir report|debugfs)/, 'identifiers of the emulator; specs/guest'],
  [/^ {3}streams/, 'in the answer about the host bridge'],
  [/avail=255$/, 'the same with a pool of two'],
]

/** The lines of a log from one that starts with `first` to one that starts with `last`. */
function part(name: string, first: string, last?: string): string[] {
  const lines = readFileSync(new URL(name, LOGS), 'utf8')
    .split('\n')
    .filter(line => line !== '')
  const from = lines.findIndex(line => line.includes(first))
  const to = last === undefined ? lines.length : lines.findIndex(line => line.includes(last))
  return lines.slice(from, to)
}

/** A line as the script writes it. */
const asScripted = (line: string): string =>
  line
    .replace(/^(read .* -> )"([A-Z]+)"$/, '$1$2')
    .replace(/^(ls .* ->) $/, '$1 nothing')
    .replace(
      /^ {3}read (\S+) -> (?:"(\w+)"$|(.*))/,
      (_, place: string, errno?: string, text?: string) => `nobody: read  0000:01:00.0/${place} -> ${errno ?? text}`,
    )
    .replace(/^ {3}write (\S+) -> "(\w+)"$/, 'nobody: write 0000:01:00.0/$1 "tsm0" -> $2')
    .replace(/^ {3}config write open -> "(\w+)"$/, 'nobody: write 0000:01:00.0/config "x" -> $1')
    .replace(/^config bytes -> /, 'nobody: config 0000:01:00.0 -> ')

const answers = new Set(
  GOLDEN.split('\n').map(line =>
    line.replace(/^(nobody: config .* -> \d+) bytes$/, '$1').replace(/^events of (.* -> \w+), .*$/, '$1'),
  ),
)
const missing = (lines: readonly string[]): string[] =>
  lines
    .filter(line => !ELSEWHERE.some(([pattern]) => pattern.test(line)))
    .map(asScripted)
    .filter(line => !answers.has(line))

describe.skipIf(MISSING !== '')(`logs of Linux 7.3.4${MISSING}`, () => {
  it('of a host are in the script', () => {
    const lines = part('abi-pci.log', 'snap 2-tsm-loaded', '# guest side')
    expect(lines.length).toBeGreaterThan(90)
    expect(missing(lines)).toEqual([])
  })

  it('of a failed stream are in the script', () => {
    expect(missing(part('abi-hazards.log', 'connect "tsm0" -> ok', '   control, status'))).toEqual([])
  })

  it('of a user without privileges are in the script', () => {
    const lines = part('abi-hazards.log', '# unprivileged', '# userspace DOE')
    expect(missing(lines)).toEqual([])
  })
})
