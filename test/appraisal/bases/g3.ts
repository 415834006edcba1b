/**
 * SPDM 1.1: the signature covers no negotiation, the device has no block about debug access. G3 has no digests of a TSM,
 * so that the negotiation is nobody's word; G3t has them. A policy that admits 1.1 needs a person (lint L14): nothing
 * stands against the evidence, and yet the decision is a review.
 */
import {BLOCKS, referenceTo, ruleWith} from '../forge.js'
import {baseOf} from './base.js'
import {negotiated} from './negotiation.js'

/** A negotiation of 1.1. */
export const OLD_VCA = negotiated(0x11)
const OLD_BLOCKS = BLOCKS.filter(({type}) => type !== 'device-mode' && type !== 'svn')

const NO_STATEMENT = ['spdm.meas.debug', 'spdm.meas.svn', 'spdm.meas.device-mode']
const NO_DIGESTS = {cert0: undefined, vca: undefined, measurements: undefined, report: undefined}

/** Relaxations that SPDM 1.1 takes. */
export const OLD_RULE = {
  decision: 'review',
  human: 'confirm',
  spdm: {minVersion: '1.1'},
  measurements: {source: 'inline', values: OLD_BLOCKS.map(referenceTo)},
}

export const oldRuleWith = (change: object): object => {
  const {rules, ...document} = ruleWith({...OLD_RULE, ...change}) as {rules: readonly {allowSkip: readonly object[]}[]}
  const abs = NO_STATEMENT.map(check => ({check, because: 'absent-in-device'}))
  return {...document, rules: rules.map(rule => ({...rule, allowSkip: [...rule.allowSkip, ...abs]}))}
}

const OLD = {vca: OLD_VCA, transcript: {version: 0x11, blocks: OLD_BLOCKS}} as const

export const G3 = baseOf('G3', {...OLD, digests: NO_DIGESTS}, oldRuleWith({tsm: {digests: 'if-available'}}), {
  decision: 'review',
})

export const G3T = baseOf('G3t', OLD, oldRuleWith({}), {decision: 'review'})
