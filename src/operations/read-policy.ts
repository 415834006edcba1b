/** Policy files from the disk, with the certificates their anchors name. */
import {filesOf, loadPolicy, type Policy, type PolicyFile} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import {readUserFile, statUserFile} from '../kernel/index.js'

const directoryOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '')

function readPolicyFile(path: string): PolicyFile {
  const found = statUserFile(path)
  const text = Buffer.from(readUserFile(path)).toString('utf8')
  return {name: path, text, ...(found !== undefined && {mode: found.mode, type: found.type})}
}

/**
 * The merged policy of `paths`; without any, the policy that matches nothing and so denies everything. Unusable content
 * is in `findings`; a file that cannot be read is a TsmctlError of kind `policy`.
 */
export function readPolicy(paths: readonly string[], now: Date): Policy {
  try {
    const files = paths.map(readPolicyFile)
    const anchors = files.flatMap(file =>
      filesOf([file]).map((name): [string, Uint8Array] => [name, readUserFile(directoryOf(file.name) + name)]),
    )
    return loadPolicy(files, new Map(anchors), now)
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
