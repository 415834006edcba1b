/** Names that become file names: of locks and of state files. */
import {quoted, TsmctlError} from '../errors.js'

/** Starts with a letter or digit, so that neither `..` nor a hidden file can be meant; `@` is kept for lock files. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}$/

/** Can it be such a name? Temporary files, which begin with a dot, cannot. */
export const isName = (name: string): boolean => NAME.test(name)

/** `name`, if it can only mean a file of the directory it is used in. */
export function checkedName(name: string): string {
  if (isName(name)) return name
  throw new TsmctlError({
    kind: 'bug',
    attempted: `use ${quoted(name)} as the name of a lock or state file`,
    got: 'only letters, digits and ._:+- are allowed',
  })
}
