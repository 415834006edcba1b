/** Who the device is, by its verified certificate; what config space says is only claimed. */
import type {Subject} from '../appraisal/index.js'
import {type Line, pair, paragraph} from './lines.js'
import {wordSpan} from './words.js'

export function identityLines(subject: Subject, width: number): Line[] {
  const {name, anchor, path, certificate, slot, spdm, claimed} = subject
  const verified = name !== null || path.length > 0
  return [
    ...(verified
      ? pair('name', name ?? 'the certificate gives none', width)
      : paragraph([wordSpan('NOT PROVEN')], 'unverified device', width)),
    ...pair('anchor', anchor ?? 'none', width),
    ...(path.length === 0 ? [] : pair('path', path.join(' > '), width)),
    ...(certificate === null ? [] : pair('certificate', certificate, width)),
    ...pair('slot', slot === null ? 'unknown' : String(slot), width),
    ...pair('SPDM', spdm === null ? 'unknown' : `${spdm.version}, ${spdm.hash}, ${spdm.asym}`, width),
    ...pair('claimed', `${claimed} (config space)`, width),
  ]
}
