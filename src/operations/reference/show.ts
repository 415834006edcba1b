/** `reference show`: what is in a file of reference values, who signed it, and what of it no rule could use. */
import {X509Certificate} from 'node:crypto'
import {type Policy, readReferenceFile, type ReferenceFile} from '../../appraisal/index.js'
import {toHex} from '../../bits/index.js'
import type {Comid, Environment, MeasurementValues, ReferenceTriple} from '../../corim/index.js'
import {DecodeError} from '../../bits/index.js'
import {printable, TsmctlError} from '../../errors.js'
import {named} from '../../evidence/index.js'

export interface ShownValue {
  /** Measurement block, or null where the file says none. */
  readonly index: number | null
  readonly text: string
}

export interface ShownPart {
  /** Triple, manifest or rule. */
  readonly about: string
  readonly values: readonly ShownValue[]
  /** What of it cannot be used. */
  readonly problems: readonly string[]
}

export interface ReferenceView {
  readonly file: string
  readonly sha384: string
  readonly kind: 'corim' | 'nvidia-rim' | 'policy'
  readonly id: string | null
  readonly validity: string | null
  /** Null for what nobody signed. */
  readonly signature: {
    readonly algorithm: string
    /** Subjects of the certificates that came along, signer first. Nothing says they are to be trusted. */
    readonly certificates: readonly string[]
    /** Does it hold for the first of them? Null where there is none. */
    readonly holds: boolean | null
  } | null
  readonly parts: readonly ShownPart[]
  readonly problems: readonly string[]
}

const safe = (text: string): string => printable(text, 200)

function subjectOf(der: Uint8Array): string {
  try {
    const {subject, validTo} = new X509Certificate(der)
    return `${safe(subject.replaceAll('\n', ', '))}, until ${safe(validTo)}`
  } catch {
    return 'not a certificate'
  }
}

function holdsFor(signedBy: (spki: Uint8Array) => boolean, der: Uint8Array | undefined): boolean | null {
  if (der === undefined) return null
  try {
    return signedBy(new Uint8Array(new X509Certificate(der).publicKey.export({type: 'spki', format: 'der'})))
  } catch {
    return false
  }
}

const signatureOf = (
  algorithm: string,
  {certificates, signedBy}: NonNullable<ReferenceFile['signature']>,
): ReferenceView['signature'] => ({
  algorithm,
  certificates: certificates.map(subjectOf),
  holds: holdsFor(signedBy, certificates[0]),
})

const environmentText = ({class: kind}: Environment): string =>
  [
    ...(kind?.vendor === undefined ? [] : [`vendor "${safe(kind.vendor)}"`]),
    ...(kind?.model === undefined ? [] : [`model "${safe(kind.model)}"`]),
    ...(kind?.layer === undefined ? [] : [`layer ${kind.layer}`]),
    ...(kind?.index === undefined ? [] : [`index ${kind.index}`]),
  ].join(', ') || 'any device'

const digestText = ({algorithm, value}: {readonly algorithm: string; readonly value: Uint8Array}): string =>
  `${safe(algorithm)}:${toHex(value)}`

function valueText({
  digests,
  svn,
  'raw-value': raw,
  'raw-value-mask': mask,
  'integrity-registers': registers,
}: MeasurementValues): string {
  const under = raw?.mask ?? mask
  return [
    ...(digests ?? []).map(digestText),
    ...(svn ? [`svn ${svn.value}${svn.kind === 'minimum' ? ' or more' : ''}`] : []),
    ...(raw ? [`raw ${toHex(raw.value)}${under ? ` under ${toHex(under)}` : ''}`] : []),
    ...(registers ?? []).map(
      ({id, digests: list}) => `register ${safe(String(id))}: ${list.map(digestText).join(' ')}`,
    ),
  ].join(', ')
}

const tripleOf = ({environment, measurements, remarks}: ReferenceTriple): ShownPart => ({
  about: environmentText(environment),
  values: measurements.map(({mkey, mval}) => ({
    index: mkey ?? null,
    text: valueText(mval) || 'nothing that is evaluated',
  })),
  problems: remarks.map(safe),
})

const partsOf = (tag: Comid): readonly ShownPart[] => [
  ...(tag.remarks.length > 0 ? [{about: `tag "${safe(tag.tagId)}"`, values: [], problems: tag.remarks.map(safe)}] : []),
  ...tag.references.map(tripleOf),
  ...tag.identities.map(({environment, thumbprints, remarks}) => ({
    about: `certificates of ${environmentText(environment)}`,
    values: thumbprints.map(thumbprint => ({index: null, text: digestText(thumbprint)})),
    problems: remarks.map(safe),
  })),
]

const period = (
  validity: {readonly notBefore: string | null; readonly notAfter: string} | null | undefined,
): string | null => (validity ? `${validity.notBefore ?? 'any time'} to ${validity.notAfter}` : null)

type Described = Omit<ReferenceView, 'file' | 'sha384'>

function described(file: ReferenceFile): Described {
  if (file.kind === 'corim') {
    const {id, signed, validity, tags, remarks} = file.facts
    return {
      kind: 'corim',
      id: id === null ? null : safe(id),
      validity: period(validity ?? signed?.validity),
      signature: signed && signatureOf(signed.algorithm, file.signature!),
      parts: tags.flatMap(partsOf),
      problems: [
        ...(signed === null ? ['nobody signed it: no rule can name it, import its values instead'] : []),
        ...remarks.map(safe),
      ],
    }
  }
  const {tagId, product, edition, manufacturer, version, resources} = file.facts
  return {
    kind: 'nvidia-rim',
    id: safe(tagId),
    validity: null,
    signature: signatureOf('ECDSA-SHA384', file.signature),
    parts: [
      {
        about: `${safe(edition)} ${safe(product)} by ${safe(manufacturer)}, firmware ${safe(version)}`,
        values: resources
          .filter(({active}) => active)
          .map(({block, digests}) => ({index: block, text: digests.map(digest => `sha384:${digest}`).join(' or ')})),
        problems: [],
      },
    ],
    problems: [],
  }
}

/** The rules of a policy file that give values. */
function policyView({document, findings}: Policy): Described {
  return {
    kind: 'policy',
    id: safe(document.name),
    validity: null,
    signature: null,
    parts: document.rules.map(({id, measurements}) => ({
      about: `rule ${safe(id)}: ${measurements?.source ?? 'no measurements'}`,
      values: (measurements?.values ?? []).map(({index, type, digests, raw, mask, svn}) => ({
        index,
        text: [
          type,
          ...(digests ?? []),
          ...(raw ?? []).map(value => `raw ${value}${mask === undefined ? '' : ` under ${mask}`}`),
          ...(svn === undefined ? [] : [`svn ${svn.min ?? 0} to ${svn.max ?? 'any'}`]),
        ].join(' '),
      })),
      problems: (measurements?.rim ?? []).map(
        ({file, tagId, signer}) => `values of ${safe(file ?? tagId ?? '')}, signer ${signer}: show that file`,
      ),
    })),
    problems: findings.map(({where, message}) => `${safe(where)}: ${safe(message)}`),
  }
}

/** Every policy says so, in YAML or in JSON. */
const IS_POLICY = /\btsmctlPolicy\b/

/** Throws DecodeError for a file that is no manifest and no policy; `policy` reads it as one. */
export async function showReference(file: string, bytes: Uint8Array, policy: () => Policy): Promise<ReferenceView> {
  const head = {file, sha384: named(bytes)}
  try {
    return {...head, ...described(await readReferenceFile(bytes))}
  } catch (error) {
    const text = Buffer.from(bytes).toString('utf8')
    if (!(error instanceof DecodeError) || !IS_POLICY.test(text)) throw error
    return {...head, ...policyView(policy())}
  }
}

const KINDS = {corim: 'CoRIM', 'nvidia-rim': 'reference manifest of NVIDIA', policy: 'policy'} as const

export function referenceText({file, sha384, kind, id, validity, signature, parts, problems}: ReferenceView): string {
  const lines = [
    `${safe(file)}: ${KINDS[kind]}${id === null ? '' : ` "${id}"`}`,
    `  ${sha384}`,
    ...(validity === null ? [] : [`  valid ${validity}`]),
    ...(signature === null
      ? []
      : [
          `  signed with ${signature.algorithm}${signature.holds === false ? ': THE SIGNATURE DOES NOT HOLD' : signature.holds === null ? ', brings no certificate' : ''}`,
          ...signature.certificates.map(subject => `    ${subject}`),
          '    Whether to trust them is for a policy to say (rimSigners).',
        ]),
    ...problems.map(problem => `  cannot be used: ${problem}`),
    ...parts.flatMap(part => [
      `  ${part.about}`,
      ...part.problems.map(problem => `    ${kind === 'policy' ? '' : 'cannot be used: '}${problem}`),
      ...part.values.map(({index, text}) => `    ${(index === null ? '-' : String(index)).padStart(3)}  ${text}`),
    ]),
  ]
  return `${lines.join('\n')}\n`
}

/** The signature does not hold: what is shown is nobody's word. */
export const brokenSignature = ({file, signature}: ReferenceView): TsmctlError | undefined =>
  signature?.holds === false
    ? new TsmctlError({
        kind: 'malformed',
        attempted: `rely on ${safe(file)}`,
        path: file,
        got: 'its signature does not hold for the certificate it brings',
        hint: 'The file was changed, or is not complete; get it again.',
      })
    : undefined
