/** Policy files from the disk, with the certificates their anchors name. */
import {filesOf, loadPolicy, type NamedBytes, type Policy, type PolicyFile} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import {readUserDirectory, readUserFile, statUserFile} from '../kernel/index.js'

const directoryOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '')

function readPolicyFile(path: string): PolicyFile {
  const found = statUserFile(path)
  const text = Buffer.from(readUserFile(path)).toString('utf8')
  return {name: path, text, ...(found !== undefined && {mode: found.mode, type: found.type})}
}

/** Where revocation lists and OCSP responses lie beside a policy file. */
const REVOCATION = 'revocation'
const MOST_LISTS = 256

/** What lies in `revocation/` beside each of `paths`, and in `directory`. */
function readRevocation(paths: readonly string[], directory: string | undefined): readonly NamedBytes[] {
  const beside = [...new Set(paths.map(path => directoryOf(path) + REVOCATION))]
  const directories = beside.filter(path => statUserFile(path) !== undefined)
  return [...directories, ...(directory === undefined ? [] : [directory])].flatMap(path =>
    [...readUserDirectory(path, MOST_LISTS)].map(([name, bytes]) => ({name: `${path}/${name}`, bytes})),
  )
}

export interface PolicySources {
  /** Directory with revocation lists and OCSP responses, besides those beside the policy. */
  readonly revocation?: string | undefined
}

/**
 * The merged policy of `paths`; without any, the policy that matches nothing and so denies everything. Unusable content
 * is in `findings`; a file that cannot be read is a TsmctlError of kind `policy`.
 */
export function readPolicy(paths: readonly string[], now: Date, {revocation}: PolicySources = {}): Policy {
  try {
    const files = paths.map(readPolicyFile)
    const anchors = files.flatMap(file =>
      filesOf([file]).map((name): [string, Uint8Array] => [name, readUserFile(directoryOf(file.name) + name)]),
    )
    return loadPolicy(files, new Map(anchors), now, {revocation: readRevocation(paths, revocation)})
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    throw new TsmctlError({
      kind: 'policy',
      attempted: 'read the policy',
      got: error.message,
      path: error.path,
      hint: 'Without a readable policy every device is denied.',
      cause: error,
    })
  }
}
