/** CHALLENGE as a responder answers it (DSP0274 1.3 §10.8). */
import {concat} from '../../bits/index.js'
import {digestOf} from '../crypto/index.js'
import {CHALLENGE, CHALLENGE_AUTH, KEY_USAGE, NONCE_SIZE} from '../messages/index.js'
import {slotMask} from './identity.js'
import {summaryHash} from './measurements.js'
import {read} from './read.js'
import {signWith, slotFor} from './signing.js'
import {contextFor, type Handler, negotiatedOf} from './state.js'

export const challenge: Handler = call => {
  const {connection, transcripts, chains} = negotiatedOf(call)
  const {version, hash} = connection
  const {value: request, bytes} = read(call, CHALLENGE, {version})
  const {slotId} = request
  const slot = slotFor(call, slotId, KEY_USAGE.challenge)
  const measurementSummaryHash = summaryHash(call, request.measurementSummaryHashType)
  const unsigned = CHALLENGE_AUTH.encode(
    {
      spdmVersion: version,
      slotId,
      slotMask: slotMask(chains.keys()),
      certChainHash: digestOf(hash!, chains.get(slotId)!),
      nonce: call.options.random(NONCE_SIZE),
      measurementSummaryHash,
      requesterContext: request.requesterContext,
    },
    contextFor(call, {signatureSize: 0, summary: Number(measurementSummaryHash !== undefined)}),
  )
  const transcript = transcripts.challenge(bytes, unsigned)
  return concat(unsigned, signWith(slot, connection, 'responder-challenge_auth signing', transcript))
}
