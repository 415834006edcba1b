/** Pins of evidence that was appraised, and readers of them. */
import {type Appraisal, type Pin, type PinReader, remembered} from '../../src/appraisal/index.js'
import type {Base} from './bases/index.js'
import {type Forgery, policyFrom} from './forge.js'
import {judge} from './guest.js'

/** What is kept of a device with this appraisal. */
export const pinned = (
  {profile, D, P}: Appraisal,
  event: 'enrolled' | 'accepted' = 'enrolled',
  bdf = '0000:01:00.0',
): Pin =>
  remembered(undefined, {
    event,
    acceptance: {D, P: P!, at: '2026-11-20T12:00:00Z', by: 'alice', tool: 'test'},
    profile: profile!,
    bdf,
  })

export const readerOf = (...pins: readonly Pin[]): PinReader => ({
  of: id => pins.find(({pinId}) => pinId === id),
  at: place => pins.find(({bdf}) => bdf === place),
})

/** The pins of a machine where sound evidence of `base`, with `forgery` in it, was enrolled. */
export const enrolled = async (base: Base, forgery?: Forgery): Promise<PinReader> =>
  remembering(base, 'enrolled', forgery)

/** The same of evidence that was accepted, which nobody enrolled. */
export const merelyAccepted = async (base: Base): Promise<PinReader> => remembering(base, 'accepted')

const remembering = async (base: Base, event: 'enrolled' | 'accepted', forgery: Forgery = {}): Promise<PinReader> =>
  readerOf(pinned(await judge(await base.forge(forgery), policyFrom(base.document), base.circumstances), event))
