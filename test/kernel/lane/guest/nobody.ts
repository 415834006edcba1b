/** Work done without privilege. */
import {chmodSync} from 'node:fs'

const NOBODY = 65_534
/** Where the specs are, in a directory that the host made for itself alone: what is imported late is read from there. */
const SHARE = '/mnt'

/** What `act` gives with the rights of a user without capabilities and without files. */
export function atOnceAsNobody<T>(act: () => T): T {
  process.seteuid!(NOBODY)
  try {
    return act()
  } finally {
    process.seteuid!(0)
  }
}

/**
 * Runs `work` as a user without capabilities and without files. Helper processes that it starts are that user's too;
 * those of an earlier port are not.
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  chmodSync(SHARE, 0o755)
  process.seteuid!(NOBODY)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}
