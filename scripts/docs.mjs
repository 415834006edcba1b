/** `npm run docs`: writes the generated reference pages and JSON Schemas. A test fails when they are out of date. */
import {mkdirSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {installDependencies, root} from './install.mjs'

installDependencies()
const {build} = await import('esbuild')
const bundle = join(root, 'node_modules/.cache/tsmctl-reference.mjs')
await build({
  absWorkingDir: root,
  entryPoints: ['scripts/reference.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  outfile: bundle,
  logLevel: 'warning',
})
const {generatedFiles} = await import(pathToFileURL(bundle).href)
for (const [path, text] of generatedFiles()) {
  mkdirSync(dirname(join(root, path)), {recursive: true})
  writeFileSync(join(root, path), text)
}
