/** Reference values: lengths, masks, conditions and ranges (L08 to L10). */
import type {MeasurementValue, PolicyDocument} from '../schema.js'
import {type Reporter, ruleName, type Say} from './finding.js'

/** Bytes a raw value of this type must have (DSP0274 §10.11). */
const RAW_SIZE: Readonly<Record<string, number>> = {svn: 8, 'device-mode': 16}

function lintMask(find: Say, where: string, {index, raw, mask}: MeasurementValue): void {
  if (mask === undefined) return
  const block = `block ${index}`
  if (raw === undefined) find('L08', where, `${block}: mask without raw`)
  else if (raw.some(item => item.length !== mask.length)) find('L08', where, `${block}: mask and raw differ in length`)
  else if (/^0*$/.test(mask)) find('L08', where, `${block}: a mask of zeros accepts any value`)
}

function lintForm(find: Say, where: string, {index, type, raw, svn, digests}: MeasurementValue): void {
  const block = `block ${index}`
  const size = RAW_SIZE[type]
  if (size !== undefined && raw?.some(item => item.length !== size * 2))
    find('L08', where, `${block}: a raw value of type ${type} has ${size} bytes`)
  if (svn !== undefined && type !== 'svn') find('L08', where, `${block}: an svn range for type ${type}`)
  if (size !== undefined && digests !== undefined) find('L08', where, `${block}: type ${type} is never a digest`)
}

function lintRange({find, warn}: Reporter, where: string, {index, svn}: MeasurementValue): void {
  if (svn === undefined) return
  const {min, max} = svn
  if (min !== undefined && max !== undefined && min > max)
    find('L10', where, `block ${index}: svn min ${min} is above max ${max}`)
  else if ((min ?? 0) < 1) warn('L10', where, `block ${index}: every security version is at least 0; ask for 1 or more`)
}

function lintIndices(find: Say, where: string, values: readonly MeasurementValue[]): void {
  for (const index of new Set(values.map(value => value.index))) {
    const entries = values.filter(value => value.index === index)
    if (entries.length === 1) continue
    const facts = new Set(entries.map(({when}) => when?.fact))
    const cases = new Set(entries.map(({when}) => JSON.stringify(when?.equals)))
    if (facts.size !== 1 || facts.has(undefined) || cases.size !== entries.length)
      find('L09', where, `block ${index} is given ${entries.length} times without distinct conditions on one fact`)
  }
}

export function lintValues(reporter: Reporter, {rules}: PolicyDocument): void {
  for (const rule of rules) {
    const values = rule.measurements?.values ?? []
    for (const value of values) {
      lintMask(reporter.find, ruleName(rule), value)
      lintForm(reporter.find, ruleName(rule), value)
      lintRange(reporter, ruleName(rule), value)
    }
    lintIndices(reporter.find, ruleName(rule), values)
  }
}
