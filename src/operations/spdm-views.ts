/** Whole SPDM objects for `decode`: negotiation, measurement transcript, certificate chain. Nothing here is verified. */
import {type Context, type Finding, hex, type Json, toHex} from '../bits/index.js'
import {printable} from '../errors.js'
import {
  type BlockFacts,
  type CertificateFacts,
  loadCertificateReader,
  type MeasurementFacts,
  parseCertificateChain,
  parseMeasurements,
  parseVca,
  versionText,
} from '../spdm/index.js'
import {table} from './text-table.js'
import type {View} from './view.js'

const jsonOf = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json

/** Six messages of a negotiation: what was offered and what was selected. */
export function viewVca(bytes: Uint8Array): View {
  const vca = parseVca(bytes)
  const fields: Json = {
    version: versionText(vca.version),
    offeredVersions: vca.offeredVersions.map(version => jsonOf(version)),
    hash: vca.hash?.name ?? null,
    asym: vca.asym?.name ?? null,
    measurementHash: vca.measurementHash?.name ?? null,
    aead: vca.aead ?? null,
    responder: jsonOf(vca.responder),
    requester: jsonOf(vca.requester),
  }
  const text = [
    `SPDM ${versionText(vca.version)}: hash ${vca.hash?.name ?? '?'}, signatures ${vca.asym?.name ?? '?'}, `,
    `measurement hash ${vca.measurementHash?.name ?? '?'}, AEAD ${vca.aead ?? 'none'}\n`,
  ]
  return {fields, found: [], text: text.join('')}
}

const blockJson = ({index, offset, typeName, type, raw, value, problems}: BlockFacts): Json => ({
  index,
  offset,
  type: typeName ?? (type === undefined ? null : hex(type, 2)),
  representation: raw ? 'raw' : 'digest',
  value: toHex(value),
  problems: [...problems],
})

const short = (value: Uint8Array): string =>
  value.length <= 24 ? toHex(value) : `${toHex(value.subarray(0, 24))}... (${value.length} bytes)`

function measurementFindings(facts: MeasurementFacts): Finding[] {
  const {trailing} = facts
  return [
    ...(trailing === undefined
      ? []
      : [{path: '', offset: trailing.offset, message: `${trailing.length} bytes behind the last message`}]),
    ...facts.blocks.flatMap(({index, offset, problems, representationProblems}) =>
      [...problems, ...representationProblems].map(message => ({path: `block ${index}`, offset, message})),
    ),
  ]
}

/** GET_MEASUREMENTS and MEASUREMENTS pairs, back to back; `context` gives the signature and digest sizes. */
export function viewMeasurements(bytes: Uint8Array, context: Context): View {
  const facts = parseMeasurements(bytes, {
    asym: {signatureSize: context['signatureSize']!},
    measurementHash: {size: context['digestSize']!},
  })
  const {signed, signature} = facts
  const fields: Json = {
    version: versionText(facts.version),
    exchanges: facts.exchanges.length,
    complete: facts.complete,
    requestNonce: signed?.request.nonce === undefined ? null : toHex(signed.request.nonce),
    responseNonce: signed === undefined ? null : toHex(signed.response.nonce),
    slot: signed?.response.slot ?? null,
    opaqueData: signed === undefined ? null : toHex(signed.response.opaqueData),
    signature: signature === undefined ? null : toHex(signature),
    blocks: facts.blocks.map(blockJson),
  }
  const rows = facts.blocks.map(({index, typeName, type, raw, value}) => [
    hex(index, 2),
    typeName ?? (type === undefined ? '?' : hex(type, 2)),
    raw ? 'raw' : 'digest',
    short(value),
  ])
  const text = [
    `SPDM ${versionText(facts.version)} measurements: ${facts.blocks.length} blocks in ${facts.exchanges.length} exchange(s), `,
    signature === undefined ? 'not signed\n' : `signature of ${signature.length} bytes (not verified here)\n`,
    table(['INDEX', 'TYPE', 'FORM', 'VALUE'], rows),
  ]
  return {fields, found: measurementFindings(facts), text: text.join('')}
}

const certificateJson = (facts: CertificateFacts): Json => ({
  subject: printable(facts.subject, 300),
  issuer: printable(facts.issuer, 300),
  serial: facts.serial,
  sha384: facts.sha384,
  key: jsonOf(facts.key),
  deviceInfo: facts.deviceInfoText === undefined ? null : printable(facts.deviceInfoText, 300),
  notBefore: facts.notBefore.toISOString(),
  notAfter: facts.notAfter.toISOString(),
})

/** Certificate chain of a slot; `context.hashSize` is the size of the negotiated base hash. */
export async function viewCertificateChain(bytes: Uint8Array, context: Context): Promise<View> {
  const chain = parseCertificateChain(bytes, context['hashSize']!)
  const {certificateFacts} = await loadCertificateReader()
  const certificates = chain.certificates.map(({offset, der}) => ({offset, facts: certificateFacts(der)}))
  const fields: Json = {
    rootHash: toHex(chain.rootHash),
    certificates: certificates.map(({offset, facts}) => ({offset, ...(certificateJson(facts) as object)})),
  }
  const text = [
    `${certificates.length} certificates, root first; root hash ${toHex(chain.rootHash)}\n`,
    ...certificates.map(
      ({facts}, i) => `  ${i}  ${printable(facts.subject, 200)}\n     issued by ${printable(facts.issuer, 200)}\n`,
    ),
  ]
  return {fields, found: [], text: text.join('')}
}
