/** Installs the locked dependencies if they are missing or another lockfile's, so that no command needs a prior step. */
import {spawnSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {existsSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs a program in the project's root; ends this process with its exit code when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, {cwd: root, stdio: 'inherit', ...options})
  if (result.error) {
    console.error(`cannot run ${program}: ${result.error.message}`)
    process.exit(1)
  }
  if (result.status !== 0) process.exit(result.status ?? 1)
}

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tsmctl needs Node.js 20.19 or later; this is ${process.versions.node}`)
  process.exit(1)
}

/** `npm ci` without any dependency's install script, unless what is installed came from this very lockfile. */
export function installDependencies() {
  const stamp = join(root, 'node_modules/.tsmctl-installed')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('installing the locked development dependencies (npm ci --ignore-scripts) …')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, lock)
}
