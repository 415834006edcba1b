/** Work done without privilege. */

const NOBODY = 65_534

/**
 * Runs `work` as a user without capabilities and without files. Helper processes that it starts are that user's too;
 * those of an earlier port are not.
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid!(NOBODY)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}
