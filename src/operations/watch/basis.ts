/** What unattended admission decides by: a device that was denied is tried again when it changes. */
import type {Policy} from '../../appraisal/index.js'
import {named, nameOfJson} from '../../evidence/index.js'

/** Digest of the policy and of the statements about revocation that came with it: lists are renewed without the policy. */
export const basisOf = ({digest, revocation}: Policy): string =>
  revocation.length === 0
    ? (digest ?? 'none')
    : nameOfJson([digest ?? 'none', ...revocation.map(({bytes}) => named(bytes))])
