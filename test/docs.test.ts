/** Documentation that states facts of the code is held against the code. */
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {expect, it} from 'vitest'
import {generatedFiles} from '../scripts/reference.js'
import {EXIT_CODES} from '../src/errors.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

it('docs/exit-codes.md lists exactly the exit codes of errors.ts', () => {
  const rows = [...read('docs/exit-codes.md').matchAll(/^\| (\d+)\s*\| `([a-z-]+)`/gm)]
  expect(Object.fromEntries(rows.map(([, code, kind]) => [kind, Number(code)]))).toEqual(EXIT_CODES)
})

it('every relative link in the documentation leads somewhere', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
    .concat(readdirSync(join(root, 'docs'), {recursive: true}).map(file => join('docs', String(file))))
    .concat('fixtures/README.md')
    .filter(file => file.endsWith('.md') && existsSync(join(root, file)))
  const broken = pages.flatMap(page =>
    [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .filter(([, target]) => !existsSync(join(root, dirname(page), target!)))
      .map(([, target]) => `${page}: ${target}`),
  )
  expect(pages.length).toBeGreaterThan(5)
  expect(broken).toEqual([])
})

it('the generated reference is up to date (npm run docs)', () => {
  const stale = [...generatedFiles()].filter(([path, text]) => !existsSync(join(root, path)) || read(path) !== text)
  expect(stale.map(([path]) => path)).toEqual([])
})
