/**
 * Revocation lists and OCSP responses that were supplied with a policy. Nothing is ever fetched: whoever controls the
 * network would learn which device is used, and could withhold the answer.
 */
import {DecodeError} from '../../bits/index.js'
import {
  crlFacts,
  loadCertificateReader,
  loadCryptoOf,
  ocspFacts,
  type ReadOcsp,
  type RevocationSources,
  type Sourced,
} from '../../spdm/index.js'
import type {NamedBytes} from '../policy/index.js'

export interface RevocationMaterial extends RevocationSources {
  /** Files that cannot be read. One of them might be the one that revokes. */
  readonly unreadable: readonly {readonly source: string; readonly why: string}[]
}

/** As large as the largest object of evidence. */
const LARGEST = 16 * 1024 * 1024

const PEM = /-----BEGIN (X509 CRL|OCSP RESPONSE)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g
const BEGIN = Buffer.from('-----BEGIN ')

/** DER of everything in a file: of every PEM block, or the file itself. */
function encodingsOf(bytes: Uint8Array): Uint8Array[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!file.includes(BEGIN)) return [bytes]
  return [...file.toString('latin1').matchAll(PEM)].map(match => new Uint8Array(Buffer.from(match[2]!, 'base64')))
}

const ENUMERATED = 0x0a

/** Tag of the first element inside the outer one: an OCSP response starts with its status. */
function firstTagOf(der: Uint8Array): number | undefined {
  const length = der[1] ?? 0
  return der[length < 0x80 ? 2 : 2 + length - 0x80]
}

const isOcsp = (der: Uint8Array): boolean => firstTagOf(der) === ENUMERATED

type CertificateReader = Awaited<ReturnType<typeof loadCertificateReader>>['certificateFacts']

function readOcsp(der: Uint8Array, read: CertificateReader): ReadOcsp {
  const facts = ocspFacts(der)
  return {...facts, responders: facts.certificates.map(read)}
}

async function readAll(files: readonly NamedBytes[]): Promise<RevocationMaterial> {
  const {certificateFacts} = await loadCertificateReader()
  const lists: RevocationMaterial['lists'][number][] = []
  const responses: Sourced<ReadOcsp>[] = []
  const unreadable: RevocationMaterial['unreadable'][number][] = []
  for (const {name: source, bytes} of files) {
    const refuse = (why: string): void => void unreadable.push({source, why})
    if (bytes.length > LARGEST) {
      refuse(`it has ${bytes.length} bytes, and at most ${LARGEST} are read`)
      continue
    }
    const encodings = encodingsOf(bytes)
    if (encodings.length === 0) refuse('no PEM block of it is a list or a response')
    for (const der of encodings)
      try {
        if (isOcsp(der)) responses.push({...readOcsp(der, certificateFacts), source})
        else lists.push({...crlFacts(der), source})
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        refuse(error.message)
      }
  }
  const signatures = [...lists, ...responses].map(({signed}) => ({signature: signed.algorithm}))
  await loadCryptoOf([...signatures, ...responses.flatMap(({responders}) => responders)])
  return {lists, responses, unreadable}
}

const NOTHING: RevocationMaterial = {lists: [], responses: [], unreadable: []}
/** What was read, by the policy's list of files: one policy judges many devices. */
const read = new WeakMap<readonly NamedBytes[], Promise<RevocationMaterial>>()

/** What the files say. Never throws for what is in them. */
export function readRevocationMaterial(files: readonly NamedBytes[]): Promise<RevocationMaterial> {
  if (files.length === 0) return Promise.resolve(NOTHING)
  const known = read.get(files) ?? readAll(files)
  read.set(files, known)
  return known
}
