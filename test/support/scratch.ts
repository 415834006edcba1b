/**
 * One directory for everything the tests write, removed with whatever they left in it. In memory where there is room:
 * hundreds of simulated machines are made, synced and thrown away.
 */
import {accessSync, constants, mkdtempSync, rmSync, statfsSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

const MEMORY = '/dev/shm'
const ENOUGH = 512 * 1024 * 1024

function place(): string {
  try {
    accessSync(MEMORY, constants.W_OK)
    const {bavail, bsize} = statfsSync(MEMORY)
    return bavail * bsize >= ENOUGH ? MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** Runs once, before the workers are started, which take over the environment. */
export function setup(): () => void {
  const scratch = mkdtempSync(join(place(), 'tsmctl-tests-'))
  process.env['TMPDIR'] = scratch
  return () => rmSync(scratch, {recursive: true, force: true})
}
