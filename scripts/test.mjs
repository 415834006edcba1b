/** `npm test`: everything CI requires, from a bare clone. With an argument, only that lane: `data`. */
import {installDependencies, run} from './install.mjs'

installDependencies()
const lane = process.argv[2]
const node = (script, ...args) => run(process.execPath, [script, ...args])
const bin = (name, ...args) => run('npx', ['--no-install', name, ...args])

if (lane === 'data') bin('vitest', 'run', '.data.test')
else {
  node('scripts/build.mjs')
  bin('tsc', '-p', '.')
  bin('oxlint', '--deny-warnings')
  bin('prettier', '--check', '--log-level=warn', '.')
  bin('vitest', 'run', '--exclude', '**/*.data.test.*')
}
