/** Checks that ask about the certificates of the chain. */
import type {CertificateFacts} from '../../spdm/index.js'
import {known} from '../facts.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked} from './verdict.js'

/** Answers about the certificates, root first; there is at least one. */
export const aboutChain =
  (answer: (chain: readonly CertificateFacts[], context: Context) => Answer): Check =>
  context => {
    const chain = known(context.facts.certificates)
    return chain === undefined ? blocked('spdm.chain.format') : answer(chain, context)
  }
