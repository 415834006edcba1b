/** The measurement manifest: what the device says about its blocks, held against the blocks themselves. */
import {equal} from '../../bits/index.js'
import type {Measurement} from '../../corim/index.js'
import {printable} from '../../errors.js'
import type {BlockFacts} from '../../spdm/index.js'
import type {Check} from './context.js'
import {fromTranscript} from './measurements.js'
import {fail, failIfAny, malformed, pass, skip} from './verdict.js'

const OBJECT = 'measurements'

/** How a block differs from what the manifest says about it, or undefined. */
function contradiction(block: BlockFacts, {mval}: Measurement, hash: string | undefined): string | undefined {
  const {digests, svn, 'raw-value': raw} = mval
  const digest = digests?.find(({algorithm}) => algorithm === hash)
  if (digests !== undefined && (block.raw || digest === undefined || !equal(digest.value, block.value)))
    return 'another digest'
  if (raw !== undefined && !(block.raw && equal(raw.value, block.value))) return 'another raw value'
  return svn !== undefined && block.svn !== BigInt(svn.value) ? 'another security version' : undefined
}

const manifest = fromTranscript(({blocks}, {facts}) => {
  const {manifest: found} = facts
  if (found.kind === 'absent') return skip('abs', 'the device sends no manifest')
  if (found.kind === 'undecodable') return skip('abs', 'there is a manifest, of a form this version does not read')
  if (found.kind === 'malformed') return malformed(OBJECT, found.error)
  const {triples, locators, remarks} = found.value
  const [remark] = [...remarks, ...triples.flatMap(triple => triple.remarks)]
  if (remark !== undefined) return fail('not-understood', printable(remark, 160))
  const stated = triples.flatMap(({measurements}) => measurements)
  const hash = facts.negotiated?.measurementHash?.name
  const problems = stated.flatMap(measurement => {
    const {mkey} = measurement
    if (mkey === undefined) return []
    const block = blocks.find(({index}) => index === mkey)
    const why = block === undefined ? 'there is no such block' : contradiction(block, measurement, hash)
    return why === undefined ? [] : [{code: 'contradiction', message: `block ${mkey}: ${why}`}]
  })
  if (problems.length > 0) return failIfAny(problems, 'what the manifest says')
  return pass(`${stated.length} values agree${locators ? '; places of reference values in it are not followed' : ''}`)
})

export const MEASUREMENT_MANIFEST_CHECKS = {'spdm.meas.manifest': manifest} satisfies Record<string, Check>
