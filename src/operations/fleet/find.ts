/** Which bundles a directory holds, in the order of their names, whatever order the file system has. */
import {printablePath, TsmctlError} from '../../errors.js'
import {looksDumped} from '../../evidence/index.js'
import {isUserDirectory, listUserDirectory, statUserFile} from '../../kernel/index.js'
import {failureOf} from './failure.js'
import type {FleetFailure, FleetItem} from './types.js'

const BUNDLE_FILE = /\.tsmb\.(json|cbor)$/
const MANIFEST = 'manifest.json'
/** Directories below one another. */
const DEEPEST = 16

/** Is `path` a directory of bundles, and not itself one bundle or one dump? */
export function isFleet(path: string): boolean {
  if (!isUserDirectory(path)) return false
  const names = listUserDirectory(path)
  if (names.includes(MANIFEST)) return false
  return names.some(name => BUNDLE_FILE.test(name) || statUserFile(`${path}/${name}`)?.type === 'directory')
}

export type Found =
  {readonly item: FleetItem} | {readonly name: string; readonly failure: FleetFailure} | {readonly ignored: string}

const tooDeep = (path: string): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: `look into ${printablePath(path)}`,
    got: `it is more than ${DEEPEST} directories deep`,
  })

/** Nobody says with which nonce it was dumped, and without one there is nothing to judge. */
const dumped = (path: string): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: `appraise ${printablePath(path)}`,
    got: 'it is a dump, and no bundle',
    hint: 'Make a bundle of it: tsmctl bundle import DIRECTORY --nonce HEX --out NAME.tsmb.json.',
  })

/**
 * Everything below `root`. Links to directories are not followed, so that nothing is found twice; what cannot be looked
 * into is told and passed over.
 */
export function* findBundles(root: string, below = '', depth = 0): Generator<Found> {
  const here = below === '' ? root : `${root}/${below}`
  let names: readonly string[]
  try {
    if (depth > DEEPEST) throw tooDeep(below)
    names = listUserDirectory(here)
  } catch (error) {
    if (below === '') throw error
    yield {name: below, failure: failureOf(error)}
    return
  }
  if (below !== '' && names.includes(MANIFEST)) {
    yield {item: {name: below, path: here, form: 'directory'}}
    return
  }
  if (below !== '' && looksDumped(names)) {
    yield {name: below, failure: failureOf(dumped(below))}
    return
  }
  for (const part of names) {
    const name = below === '' ? part : `${below}/${part}`
    const path = `${root}/${name}`
    const type = statUserFile(path)?.type
    if (type === 'directory') yield* findBundles(root, name, depth + 1)
    else if (BUNDLE_FILE.test(part)) yield {item: {name, path, form: 'file'}}
    else yield {ignored: name}
  }
}
