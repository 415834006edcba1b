/** Rules of DSP0274 1.3 §10.11 for well-formed measurement exchanges. */
import {equal} from '../../bits/index.js'
import {MEASUREMENT_INDEX} from '../messages/index.js'
import type {MeasurementExchange} from './measurements.js'

export interface MeasurementProblem {
  readonly kind: 'blocks' | 'slot' | 'context' | 'content-changed' | 'duplicate-index' | 'conflicting-index'
  /** Position of the exchange in the series. */
  readonly exchange: number
  /** Bytes from the start of the transcript. */
  readonly offset: number
  readonly message: string
}

/** Number and indices of the blocks that `operation` asks for. */
function blockProblem({request, response}: MeasurementExchange): string | undefined {
  const {operation} = request
  const {blocks, totalNumberOfMeasurements: total} = response
  if (operation === 0) {
    if (blocks.length > 0) return `${blocks.length} blocks although only their number was asked for`
    return total === 0 || total === MEASUREMENT_INDEX.all ? `a number of blocks of ${total}` : undefined
  }
  if (operation === MEASUREMENT_INDEX.all)
    return blocks.length === 0 ? 'no blocks although all were asked for' : undefined
  return blocks.length === 1 && blocks[0]!.index === operation
    ? undefined
    : `not exactly the block with index ${operation}`
}

function duplicates({response}: MeasurementExchange, exchange: number): MeasurementProblem[] {
  const seen = new Set<number>()
  return response.blocks.flatMap(({index, offset}): MeasurementProblem[] => {
    if (!seen.has(index)) {
      seen.add(index)
      return []
    }
    return [{kind: 'duplicate-index', exchange, offset, message: `index ${index} occurs twice`}]
  })
}

/** What is wrong with one exchange. */
export function exchangeProblems(pair: MeasurementExchange, exchange: number, version: number): MeasurementProblem[] {
  const {request, response} = pair
  const {offset} = response
  const found: MeasurementProblem[] = duplicates(pair, exchange)
  const blocks = blockProblem(pair)
  if (blocks !== undefined) found.push({kind: 'blocks', exchange, offset, message: blocks})
  if (request.slot !== undefined && response.slot !== request.slot)
    found.push({
      kind: 'slot',
      exchange,
      offset,
      message: `slot ${request.slot} was asked for, slot ${response.slot} answered`,
    })
  if (
    version >= 0x13 &&
    !equal(request.requesterContext ?? new Uint8Array(), response.requesterContext ?? new Uint8Array())
  )
    found.push({kind: 'context', exchange, offset, message: 'the requester context is not echoed'})
  if (version >= 0x12 && !request.signatureRequested && response.contentChanged !== 'not detected')
    found.push({
      kind: 'content-changed',
      exchange,
      offset,
      message: 'an unsigned response speaks about changed content',
    })
  return found
}

/** The same index with different bytes in two responses: the series contradicts itself. */
export function seriesProblems(exchanges: readonly MeasurementExchange[]): MeasurementProblem[] {
  const seen = new Map<number, {readonly exchange: number; readonly value: Uint8Array}>()
  const found: MeasurementProblem[] = []
  for (const [exchange, {response}] of exchanges.entries())
    for (const {index, value, offset} of response.blocks) {
      const before = seen.get(index)
      if (before === undefined) seen.set(index, {exchange, value})
      else if (before.exchange !== exchange && !equal(before.value, value))
        found.push({
          kind: 'conflicting-index',
          exchange,
          offset,
          message: `index ${index} differs from its value in exchange ${before.exchange}`,
        })
    }
  return found
}
