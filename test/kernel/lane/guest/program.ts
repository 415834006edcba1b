/** tsmctl in the guest, as a user starts it. A start costs seconds on an emulated processor: a handful per spec. */
import {spawnSync} from 'node:child_process'

export interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const ENVIRONMENT = {...process.env, TSMCTL_HOST: 'live', TSMCTL_STATE_DIR: '/run/tsmctl-state'}

export function tsmctl(args: readonly string[], env: Readonly<Record<string, string>> = {}): Result {
  const {status, stdout, stderr} = spawnSync(process.execPath, ['/repo/bin/tsmctl.cjs', ...args], {
    encoding: 'utf8',
    env: {...ENVIRONMENT, ...env},
    maxBuffer: 64 * 1024 * 1024,
  })
  return {code: status, out: stdout, err: stderr}
}
