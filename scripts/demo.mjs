/** `npm run demo`: the main job on a simulated confidential guest, from a bare clone. */
import {spawnSync} from 'node:child_process'
import {mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {installDependencies, root, run} from './install.mjs'

installDependencies()
run(process.execPath, ['scripts/build.mjs'])

const machine = join(mkdtempSync(join(tmpdir(), 'tsmctl-demo-')), 'guest')
const cli = join(root, 'bin/tsmctl.cjs')

/** Shows and runs one command; ends the demo when its exit code is not the expected one. */
function tsmctl(args, expected = 0) {
  console.log(`\n$ tsmctl ${args.join(' ')}`)
  const {status, error} = spawnSync(process.execPath, [cli, ...args], {
    stdio: 'inherit',
    env: {...process.env, TSMCTL_HOST: `sim:${machine}`},
  })
  if (expected !== 0) console.log(`(exit code ${status})`)
  if (error || status !== expected) {
    console.error(`demo: expected exit code ${expected}, got ${status ?? error?.message}`)
    process.exit(1)
  }
}

const DENIED = 4
const policy = join(machine, 'policy.yaml')
console.log(`A simulated confidential guest, with keys and certificates made just now, in ${machine}`)
tsmctl(['sim', 'create', machine, '--scenario', 'guest'])
tsmctl(['list'])
tsmctl(['admit', '0000:01:00.0', '--policy', policy])
tsmctl(['admit', '0000:02:00.0', '--policy', policy], DENIED)
tsmctl(['admit', '0000:03:00.0', '--policy', policy], DENIED)
tsmctl(['list'])
tsmctl(['audit', 'show'])
tsmctl(['audit', 'verify'])
console.log(`
The good device reached RUN; the other two were refused and given back unlocked. Try next, from this directory:

  export TSMCTL_HOST=sim:${machine}
  node bin/tsmctl.cjs tui --policy ${policy}      # the review cockpit
  node bin/tsmctl.cjs show 0000:01:00.0
  node bin/tsmctl.cjs decode --list
  TSMCTL_HOST=live node bin/tsmctl.cjs list       # this machine's own PCI bus
`)
