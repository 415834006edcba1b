/** What changed in what the device says it locked: flags, ranges by BAR, device-specific bytes. */
import {change, list, shortOf} from './rows.js'
import type {Change, DeviceProfile, PinnedRange} from './types.js'

/** Flags whose loss or gain opens something. */
const PROTECTS = ['noFwUpdate', 'lockMsix']

function flagChanges({lockFlags: was}: DeviceProfile, {lockFlags: is}: DeviceProfile): Change[] {
  const lost = was.filter(flag => !is.includes(flag))
  const gained = is.filter(flag => !was.includes(flag))
  if (lost.length + gained.length === 0) return []
  const text = list([...lost.map(flag => `${flag} lost`), ...gained.map(flag => `${flag} set`)])!
  return [change('lock flags', text, list(was), list(is), {grave: lost.some(flag => PROTECTS.includes(flag))})]
}

const attributes = ({tee, msix, updatable}: PinnedRange): string =>
  `${tee ? 'TEE' : 'shared'}${msix ? ' MSI-X' : ''}${updatable ? ' updatable' : ''}`
const rangeText = (range: PinnedRange): string => `${range.firstPage}+${range.pages} ${attributes(range)}`

const inBar = ({ranges}: DeviceProfile, bar: number): PinnedRange[] => ranges.filter(range => range.bar === bar)

/** Pages of the BAR that are shared with the host. */
const sharedPages = (ranges: readonly PinnedRange[]): number =>
  ranges.reduce((sum, {tee, pages}) => sum + (tee ? 0 : pages), 0)

function barChange(bar: number, was: readonly PinnedRange[], is: readonly PinnedRange[]): Change[] {
  const [before, after] = [list(was.map(rangeText)), list(is.map(rangeText))]
  if (before === after) return []
  const becameShared = sharedPages(is) > sharedPages(was)
  const text = becameShared ? `memory of BAR${bar} became shared` : `ranges of BAR${bar} changed`
  return [change('report', text, before, after, {grave: becameShared})]
}

const shortOrNull = (value: string | null): string | null => (value === null ? null : shortOf(value))

function layoutChanges(was: DeviceProfile, is: DeviceProfile): Change[] {
  if (was.reportNormalForm === is.reportNormalForm) return []
  const bars = [...new Set([...was.ranges, ...is.ranges].map(({bar}) => bar))].toSorted((a, b) => a - b)
  const rows = bars.flatMap(bar => barChange(bar, inBar(was, bar), inBar(is, bar)))
  // something that no range shows: reserved bits, MSI-X control, TPH
  return rows.length > 0
    ? rows
    : [
        change(
          'report',
          'header of the report changed',
          shortOrNull(was.reportNormalForm),
          shortOrNull(is.reportNormalForm),
        ),
      ]
}

function specificChanges({deviceSpecific: was}: DeviceProfile, {deviceSpecific: is}: DeviceProfile): Change[] {
  if (was === is) return []
  return [change('device-specific', 'device-specific bytes changed', shortOrNull(was), shortOrNull(is))]
}

export const reportChanges = (was: DeviceProfile, is: DeviceProfile): Change[] => [
  ...flagChanges(was, is),
  ...layoutChanges(was, is),
  ...specificChanges(was, is),
]
