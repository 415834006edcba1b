/** Reading and writing of bundles for the `bundle` commands. */
import {Args, Flags} from '@oclif/core'
import {printablePath} from '../errors.js'
import {type Bundle, wholeBundle} from '../evidence/index.js'
import {isUserDirectory, readUserDirectory, readUserFile, writeUserDirectory, writeUserFile} from '../kernel/index.js'
import {type OpenedBundle, openBundle, type Written} from '../operations/bundle.js'
import type {Session} from './base-command.js'

export const bundleArgument = {
  bundle: Args.string({
    ignoreStdin: true,
    description: 'bundle: *.tsmb.json, its directory form, its CBOR form, or one that is bound to a platform',
    required: true,
  }),
}

export const outArgument = {
  out: Args.string({ignoreStdin: true, description: 'file or directory to write', required: true}),
}

export const forceFlag = {force: Flags.boolean({description: 'overwrite the file'})}

export const readBundleAt = (path: string): Promise<OpenedBundle> =>
  openBundle(isUserDirectory(path) ? readUserDirectory(path) : readUserFile(path))

/** The bundle at `path`, which must be whole. */
export const readWholeBundle = async (path: string): Promise<Bundle> => wholeBundle(await readBundleAt(path))

/** The bundle alone, whole; what stood around it is said to be left out. */
export function bundleAlone(opened: OpenedBundle, warn: Session['warn']): Bundle {
  if (opened.bound !== null) warn('left-out', "left out: the platform's report that the bundle was bound to")
  return wholeBundle(opened)
}

/** Evidence names hardware: what is written is for its owner alone. */
export function writeAt(path: string, written: Written, force: boolean): void {
  if (typeof written === 'string') writeUserFile(path, new Uint8Array(Buffer.from(written)), {force, mode: 0o600})
  else if (written instanceof Uint8Array) writeUserFile(path, written, {force, mode: 0o600})
  else writeUserDirectory(path, written)
}

export const writtenLine = (path: string): string => `written to ${printablePath(path)}\n`
