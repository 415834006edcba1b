/** Where expected values come from, and each of those that a rule lists, in words. */
import type {MeasurementValue, Rule} from '../schema.js'
import {chosen, either, plain, sayAll, text, type Words} from './say.js'

type Measurements = NonNullable<Rule['measurements']>
type Rim = NonNullable<Measurements['rim']>[number]
type Range = NonNullable<MeasurementValue['svn']>
type When = NonNullable<MeasurementValue['when']>

const RANGE: Words<Range> = {
  min: value => `at least ${value}`,
  max: value => `at most ${value}`,
}

const WHEN: Words<When> = {
  fact: value => `as long as the signed fact ${text(value)}`,
  equals: value => `is ${typeof value === 'string' ? text(value) : String(value)}`,
}

const VALUE: Words<MeasurementValue> = {
  index: value => `block ${value}`,
  type: value => `of type ${value}`,
  digests: value => `has the digest ${either(value)}`,
  raw: value => `is ${either(value)}`,
  mask: value => `where the bits ${plain(value)} are compared`,
  svn: value => `is ${sayAll(RANGE, value).join(' and ')}`,
  informational: () => 'is shown and compared with nothing',
  allowZero: value => (value ? 'and may be all zero' : 'and is not all zero'),
  when: value => sayAll(WHEN, value).join(' '),
}

const RIM: Words<Rim> = {
  file: value => `the file ${text(value)}`,
  tagId: value => `the manifest ${text(value)}`,
  sha384: value => `with the digest ${value}`,
  signer: value => `signed by ${value}`,
}

const SOURCE = {
  inline: 'Measured values are compared with those this rule lists:',
  corim: 'Measured values are compared with those of signed CoRIM manifests:',
  'vendor-rim': "Measured values are compared with those of manifests in the vendor's own format:",
  enrolled: 'Measured values are compared with those of this device when it was enrolled here.',
  none: 'Measured values are compared with nothing.',
} as const

const MEASUREMENTS: Words<Omit<Measurements, 'values' | 'rim'>> = {
  source: chosen(SOURCE),
  coverage: chosen({
    exhaustive: 'Every block the device measures needs an expected value.',
    listed: 'Blocks without an expected value are shown and do not count.',
  }),
  rollback: chosen({
    deny: 'Firmware older than what was accepted of this device before is refused.',
    warn: 'Firmware older than what was accepted of this device before is only pointed out.',
  }),
}

/** Sentences, and indented lines below the first of them. */
export function sayMeasurements({values, rim, ...rest}: Measurements): readonly string[] {
  const [source, ...others] = sayAll(MEASUREMENTS, {coverage: 'exhaustive', rollback: 'deny', ...rest})
  const listed = [
    ...(values ?? []).map(value => sayAll(VALUE, value).join(' ')),
    ...(rim ?? []).map(one => sayAll(RIM, one).join(' ')),
  ]
  return [source!, ...listed.map(line => `  ${line}`), ...others]
}
