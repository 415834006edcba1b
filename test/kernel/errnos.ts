import {errnoOf} from '../../src/errors.js'

/** The errno a call is refused with; throws anything that is not an operating-system refusal, and `none` for success. */
export function errno(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return errnoOf(error) ?? rethrow(error)
  }
  return 'none'
}

export async function rejectedErrno(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return errnoOf(error) ?? rethrow(error)
  }
  return 'none'
}

function rethrow(error: unknown): never {
  throw error
}
