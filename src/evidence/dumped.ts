/**
 * Evidence as the kernel's helper `device-evidence dump` leaves it: one raw object per file, and a JSON line for each
 * with what the kernel announced. The lines say nothing that is signed; they show whether a file is whole and whether all
 * were read of one generation.
 */
import * as v from 'valibot'
import {EVIDENCE_TYPES, type EvidenceLabel} from '../kernel/index.js'
import {quoted, TsmctlError} from '../errors.js'
import {OBJECT_LIMIT} from './bundle.js'
import {issueText} from './fact-objects.js'
import {freezeImported, type ImportFacts} from './imported.js'
import {strictJson} from './strict-json.js'
import type {Bundle} from './types.js'

export interface DumpedEvidence extends ImportFacts {
  /** File name, without directory, to content. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

const OBJECT_FILE = /^(cert[0-7]|vca|measurements|report)(\.(bin|raw|dump))?$/
const LINES_FILE = /\.(json|jsonl|log|txt)$/
const LONGEST_LINES = 1024 * 1024

/** Is this a name that a dump's file has? */
export const isDumpFile = (name: string): boolean => OBJECT_FILE.test(name) || LINES_FILE.test(name)

/** Do files of these names make a dump? */
export const looksDumped = (names: readonly string[]): boolean =>
  names.some(name => /^cert[0-7]/.test(name) && OBJECT_FILE.test(name)) &&
  names.some(name => name.startsWith('measurements') && OBJECT_FILE.test(name))

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const LINE = v.object({
  type: v.union([v.picklist(EVIDENCE_TYPES), v.pipe(count, v.maxValue(EVIDENCE_TYPES.length - 1))]),
  generation: v.pipe(count, v.maxValue(0xffff_ffff)),
  length: v.pipe(count, v.maxValue(OBJECT_LIMIT)),
  received: count,
})
type Line = Omit<v.InferOutput<typeof LINE>, 'type'> & {readonly label: EvidenceLabel}

const unusable = (got: string, hint = 'Dump the evidence again, all of it in one go.'): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'import dumped evidence', got, hint})

function lineOf(text: string, where: string): Line {
  const parsed = v.safeParse(LINE, strictJson(text, where))
  if (!parsed.success) {
    const {path, message} = issueText(parsed.issues)
    throw unusable(`${where}: ${path}: ${message}`)
  }
  const {type, ...rest} = parsed.output
  return {label: typeof type === 'number' ? EVIDENCE_TYPES[type]! : type, ...rest}
}

/** Every JSON object that has a line to itself: the helper's other talk may be in the same file. */
function linesOf(name: string, bytes: Uint8Array): Line[] {
  if (bytes.length > LONGEST_LINES) throw unusable(`${quoted(name)} has ${bytes.length} bytes`)
  const lines = Buffer.from(bytes).toString('latin1').split('\n')
  return lines.flatMap((text, at) =>
    text.trimStart().startsWith('{') ? [lineOf(text, `${quoted(name)} line ${at + 1}`)] : [],
  )
}

function objectsOf(files: ReadonlyMap<string, Uint8Array>): Map<EvidenceLabel, Uint8Array> {
  const objects = new Map<EvidenceLabel, Uint8Array>()
  for (const [name, bytes] of files) {
    const label = OBJECT_FILE.exec(name)?.[1] as EvidenceLabel | undefined
    if (label === undefined) continue
    if (objects.has(label)) throw unusable(`there are two files of ${label}`, 'Leave one dump in the directory.')
    if (bytes.length > OBJECT_LIMIT) throw unusable(`${label} has ${bytes.length} bytes, the limit is ${OBJECT_LIMIT}`)
    objects.set(label, bytes)
  }
  return objects
}

/** The one generation that all lines name; null without lines. */
function generationOf(lines: readonly Line[], objects: ReadonlyMap<EvidenceLabel, Uint8Array>): number | null {
  for (const {label, length, received} of lines) {
    if (length !== received) throw unusable(`${label}: ${received} of ${length} bytes were received`)
    const found = objects.get(label)?.length ?? 0
    if (found !== length) throw unusable(`${label}: the file has ${found} bytes, the kernel announced ${length}`)
  }
  const generations = [...new Set(lines.map(({generation}) => generation))]
  if (generations.length > 1) throw unusable(`the objects are of generations ${generations.join(', ')}`)
  return generations[0] ?? null
}

/**
 * A bundle of dumped evidence: it can be verified and never leads to accept. Throws TsmctlError `malformed` for files
 * that are not whole, not of one generation, given twice, or of other names.
 */
export function importDumped(dump: DumpedEvidence): Bundle {
  const {files, source} = dump
  const foreign = [...files.keys()].find(name => !isDumpFile(name))
  if (foreign !== undefined)
    throw unusable(
      `${quoted(foreign)} is no file of a dump`,
      'Object files are named cert0 to cert7, vca, measurements and report, with or without .bin; JSON lines *.json or *.log.',
    )
  const objects = objectsOf(files)
  const present = [...objects].filter(([, bytes]) => bytes.length > 0)
  if (present.length === 0) throw unusable('there is no object in it')
  const lines = [...files].filter(([name]) => LINES_FILE.test(name)).flatMap(([name, bytes]) => linesOf(name, bytes))
  const slot = EVIDENCE_TYPES.findIndex(label => label.startsWith('cert') && objects.has(label))
  return freezeImported(
    present.map(([label, bytes]) => ({label, bytes, source})),
    dump,
    {kind: 'file', abi: 'device-evidence-dump', slot: Math.max(slot, 0), generation: generationOf(lines, objects)},
  )
}
