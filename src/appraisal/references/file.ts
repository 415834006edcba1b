/** A file of reference values on its own, for whoever looks into it or takes its values over into a policy. */
import {X509Certificate} from 'node:crypto'
import {DecodeError} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import {named} from '../../evidence/index.js'
import {type Corim, loadCorimReader} from '../../corim/index.js'
import {readRim, type Rim} from '../../vendor/index.js'
import {certificateOf, type Policy} from '../policy/index.js'
import type {DeviceFacts, Moment} from './device.js'
import {corimReferences} from './from-corim.js'
import {rimReferences} from './from-rim.js'
import {Refusal} from './outcome.js'
import {requireSigner, type Signature} from './signer.js'
import type {UsableReferences} from './types.js'

export type ReferenceFile =
  | {readonly kind: 'corim'; readonly facts: Corim; readonly signature: Signature | null}
  | {readonly kind: 'nvidia-rim'; readonly facts: Rim; readonly signature: Signature}

const startsWithTag = (bytes: Uint8Array): boolean => bytes.find(byte => byte > 0x20) === 0x3c

/** A CoRIM, a COSE_Sign1 and a CoMID are tagged (RFC 8949 §3.1, major type 6). */
const isTagged = ([first = 0]: Uint8Array): boolean => first >= 0xc0 && first <= 0xdb

/** A manifest of either form. Throws DecodeError. */
export async function readReferenceFile(bytes: Uint8Array): Promise<ReferenceFile> {
  if (startsWithTag(bytes)) {
    const facts = readRim(bytes)
    return {kind: 'nvidia-rim', facts, signature: facts.signed}
  }
  if (!isTagged(bytes))
    throw new DecodeError({
      structure: 'reference values',
      path: '',
      offset: 0,
      expected: 'a CoRIM or SWID XML',
      got: 'neither',
    })
  const {readCorim} = await loadCorimReader()
  const facts = readCorim(bytes)
  const {signed} = facts
  return {kind: 'corim', facts, signature: signed && {certificates: signed.x5chain, signedBy: signed.signedBy}}
}

const SIGNER = 'signer'

/** A policy that pins one certificate as the signer. */
function policyOf(certificate: Uint8Array): Pick<Policy, 'document' | 'files'> {
  const der = certificateOf(certificate)
  if (der === undefined) throw new Refusal('signer-file', 'the file of the signer is not exactly one certificate')
  const anchor = {label: new X509Certificate(der).subject.replaceAll('\n', ', '), certSha384: named(der), file: SIGNER}
  return {
    document: {tsmctlPolicy: 1, name: SIGNER, rules: [], rimSigners: {[SIGNER]: [anchor]}},
    files: new Map([[SIGNER, certificate]]),
  }
}

/**
 * What the manifests approve together on a device. Throws Refusal and DecodeError for what a rule could not use either;
 * without the certificate of a signer nothing about who wrote them is checked.
 */
export async function referencesIn(
  files: readonly {readonly name: string; readonly bytes: Uint8Array}[],
  signer: Uint8Array | undefined,
  device: DeviceFacts,
  moment: Moment,
): Promise<Omit<UsableReferences, 'status'>> {
  const opened = await Promise.all(
    files.map(async ({name, bytes}) => {
      const file = await readReferenceFile(bytes)
      if (signer !== undefined) {
        if (file.signature === null) throw new Refusal('unsigned', `nobody signed ${quoted(name)}`)
        await requireSigner(file.signature, SIGNER, policyOf(signer), moment)
      }
      return {file, origin: {label: name, signer: signer === undefined ? null : SIGNER, sha384: named(bytes)}}
    }),
  )
  const corims = opened.flatMap(({file, origin}) =>
    file.kind === 'corim' ? [corimReferences(file.facts, device, moment, origin)] : [],
  )
  const rims = opened.flatMap(({file, origin}) => (file.kind === 'nvidia-rim' ? [{rim: file.facts, origin}] : []))
  const fromRims = rims.length === 0 ? [] : rimReferences(rims, device)
  return {
    values: [...corims.flatMap(({values}) => values), ...fromRims],
    firmware: corims.flatMap(({firmware}) => firmware),
  }
}
