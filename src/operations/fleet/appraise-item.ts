/** One bundle of many: read, appraised, and all but its verdict forgotten. */
import {appraise, earOf, type Policy, type Tier} from '../../appraisal/index.js'
import {type Bundle, bundleFromFiles, bundleFromJson, wholeBundle} from '../../evidence/index.js'
import {readUserDirectory, readUserFile} from '../../kernel/index.js'
import {BUILT} from '../built.js'
import {isCborMap, openBundle} from '../bundle.js'
import {failureOf, withoutVerdict} from './failure.js'
import type {FleetItem, FleetVerdict} from './types.js'

/** What every bundle of a fleet is judged by. */
export interface FleetTerms {
  readonly policy: Policy
  readonly now: Date
}

const NOBODY = {developer: '', build: ''}

const bundleIn = async (bytes: Uint8Array): Promise<Bundle> =>
  isCborMap(bytes) ? wholeBundle(await openBundle(bytes)) : bundleFromJson(bytes)

/** Never throws for what is in the bundle, or for our own bugs: the next one is not the worse for it. */
export async function appraiseItem({name, path, form}: FleetItem, {policy, now}: FleetTerms): Promise<FleetVerdict> {
  try {
    const bundle = form === 'file' ? await bundleIn(readUserFile(path)) : bundleFromFiles(readUserDirectory(path))
    const appraisal = await appraise({bundle, policy, now, clockTrusted: false, mode: 'offline', built: BUILT})
    const {decision, D, rule, results} = appraisal
    const [submodule] = Object.values(earOf(appraisal, NOBODY).submods)
    return {
      file: name,
      digest: D,
      bdf: bundle.manifest.device.bdf,
      rule,
      decision,
      ear: submodule!['ear.status'] satisfies Tier,
      failed: results.filter(({blocking, result}) => blocking && result !== 'blocked').map(({id}) => id),
      error: null,
    }
  } catch (error) {
    return withoutVerdict(name, failureOf(error))
  }
}
