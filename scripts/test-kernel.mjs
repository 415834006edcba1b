/** `npm run test:kernel`: the tests that need a real PCI/TSM core, in an emulated machine (docs/kernel-lane.md). */
import {mkdirSync} from 'node:fs'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {installDependencies, root, run} from './install.mjs'

installDependencies()
run(process.execPath, ['scripts/build.mjs'])
const {build} = await import('esbuild')
// below node_modules, so that what is not bundled is found
const directory = join(root, 'node_modules/.cache/tsmctl-kernel-lane')
mkdirSync(directory, {recursive: true})
const outfile = join(directory, 'main.mjs')
await build({
  absWorkingDir: root,
  entryPoints: ['test/kernel/lane/host/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
})
// in this process: one to tell to stop
await import(pathToFileURL(outfile).href)
