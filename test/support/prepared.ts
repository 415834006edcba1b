/** Machines made once per worker and source, of which every test gets a copy: making one costs most of a short test. */
import {cpSync, mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

/** `make(directory, source)`, once for every different `source`; the returned function copies what it made. */
export function prepared<S>(make: (directory: string, source: S) => Promise<unknown>) {
  const root = mkdtempSync(join(tmpdir(), 'tsmctl-prepared-'))
  const templates = new Map<string, Promise<string>>()
  const template = async (directory: string, source: S): Promise<string> => {
    await make(directory, source)
    return directory
  }
  return async (directory: string, source: S): Promise<void> => {
    const key = JSON.stringify(source)
    if (!templates.has(key)) templates.set(key, template(join(root, String(templates.size)), source))
    cpSync(await templates.get(key)!, directory, {recursive: true})
  }
}
