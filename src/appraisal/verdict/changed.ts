/** What is not as it was when the device was last accepted here. */
import type {Change, Comparison} from '../pins/index.js'
import {type Block, marked, plain, type Row} from './block.js'

const sides = ({before, after}: Change): string =>
  before === null && after === null ? '' : ` ${before ?? 'nothing'} -> ${after ?? 'nothing'}`

const changeRow = (change: Change): Row => ({
  // where it is says nothing about what it is
  mark: change.topic === 'place' ? null : 'CHANGED',
  name: change.topic,
  text: `${change.text}${sides(change)}`,
  notes: [],
})

const dateOf = (at: string): string => at.slice(0, 10)

function rowsOf(comparison: Comparison | null): readonly Row[] {
  if (comparison === null) return [marked('NOT PROVEN', 'nothing verified that could be compared')]
  switch (comparison.kind) {
    case 'first-seen':
      return [marked('CHANGED', 'first time seen: no device was accepted here before')]
    case 'other-device': {
      const {san, at, by} = comparison.was
      const name = san === null ? 'another device' : `"${san}"`
      return [marked('CHANGED', `another device: ${name} was accepted here on ${dateOf(at)} by ${by}`)]
    }
    case 'compared': {
      const {since, changes, equalMeasurements} = comparison
      if (changes.length === 0) return [plain(`no change since ${dateOf(since.at)}, accepted by ${since.by}`)]
      const rows = changes.toSorted((a, b) => Number(b.grave) - Number(a.grave)).map(changeRow)
      return equalMeasurements === 0 ? rows : [...rows, plain(`${equalMeasurements} measurements are as they were`)]
    }
  }
}

/** Block 3. */
export const changedBlock = (comparison: Comparison | null): Block => ({
  id: 'changed',
  title: 'Changed since last accept',
  rows: rowsOf(comparison),
  folded: null,
})
