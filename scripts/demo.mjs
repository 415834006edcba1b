/** `npm run demo`: the main job on simulated machines, from a bare clone. */
import {spawnSync} from 'node:child_process'
import {mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {installDependencies, root, run} from './install.mjs'

installDependencies()
run(process.execPath, ['scripts/build.mjs'])

const directory = mkdtempSync(join(tmpdir(), 'tsmctl-demo-'))
const guest = join(directory, 'guest')
const host = join(directory, 'host')
const bare = join(directory, 'bare')
const cli = join(root, 'bin/tsmctl.cjs')

/** Shows and runs one command; ends the demo when its exit code is not the expected one. */
function tsmctl(machine, args, expected = 0) {
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
const BUSY = 8
const policy = join(guest, 'policy.yaml')
console.log(`A simulated confidential guest, with keys and certificates made just now, in ${guest}`)
tsmctl(guest, ['sim', 'create', guest, '--scenario', 'guest'])
tsmctl(guest, ['list'])
tsmctl(guest, ['admit', '0000:01:00.0', '--policy', policy])
tsmctl(guest, ['admit', '0000:02:00.0', '--policy', policy], DENIED)
tsmctl(guest, ['admit', '0000:03:00.0', '--policy', policy], DENIED)
tsmctl(guest, ['list'])
tsmctl(guest, ['audit', 'show'])
tsmctl(guest, ['audit', 'verify'])
console.log(`\nA simulated host with fewer IDE streams than devices, in ${host}`)
tsmctl(host, ['sim', 'create', host, '--scenario', 'few-streams'])
tsmctl(host, ['connect', '0000:01:00.0', '0000:02:00.0'])
tsmctl(host, ['connect', '0000:03:00.0'], BUSY)
tsmctl(host, ['ide', 'plan', '0000:01:00.0', '0000:03:00.0'], BUSY)
tsmctl(host, ['ide', 'list'])
console.log(`\nA simulated machine without a TSM, whose devices are asked directly, in ${bare}`)
const attest = [
  'spdm',
  'attest',
  '--use-mailbox',
  '--root',
  join(bare, 'vendor-root.der'),
  '--policy',
  join(bare, 'policy.yaml'),
]
tsmctl(bare, ['sim', 'create', bare, '--scenario', 'bare-device'])
tsmctl(bare, [...attest, '--session', '0000:01:00.0'])
tsmctl(bare, [...attest, '0000:02:00.0'], DENIED)
console.log(`
In the guest the good device reached RUN; the other two were refused and given back unlocked. On the host two devices got
a stream, and the third was told who holds what it needs. Without a TSM a device was verified over its DOE mailbox, and
another one refused for what it measured. Try next, from this directory:

  export TSMCTL_HOST=sim:${guest}
  node bin/tsmctl.cjs tui --policy ${policy}      # the review cockpit
  node bin/tsmctl.cjs show 0000:01:00.0
  TSMCTL_HOST=sim:${host} node bin/tsmctl.cjs tui      # the same on the host: look, connect, disconnect
  TSMCTL_HOST=live node bin/tsmctl.cjs doctor     # what this machine can do, and what it lacks
`)
