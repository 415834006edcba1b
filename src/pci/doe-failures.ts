/** What can be said of a mailbox that did not do as it should: which one, what its status register shows, what to do. */
import {hex} from '../bits/index.js'
import {type ErrorKind, TsmctlError} from '../errors.js'
import type {Bdf} from './bdf.js'
import {type DoeFeature, featureText} from './doe-features.js'
import {statusText} from './doe-registers.js'
import {deviceDirectory} from './functions.js'

const NOBODY_ELSE =
  'Nothing else may use this mailbox meanwhile: no TSM driver, no other tool. A collision can leave it dead until the function is removed and rescanned.'
const AGAINST_THE_RULES = 'The device breaks the rules of PCIe r6.2 §6.30, or somebody else interfered.'
const SLOW = 'The device is slow, or discards what it does not understand; trying again does no harm.'

export interface DoeFailures {
  readonly dead: () => TsmctlError
  readonly underWay: () => TsmctlError
  /** It was not idle, or not even after an abort, though nothing of ours was in it. */
  readonly inUse: (when: string, status: number) => TsmctlError
  readonly deviceError: (when: string, status: number) => TsmctlError
  readonly timedOut: (milliseconds: number, status: number) => TsmctlError
  readonly foreignObject: (came: DoeFeature, due: DoeFeature, status: number) => TsmctlError
  readonly badLength: (got: string) => TsmctlError
  readonly truncated: (at: number, length: number, status: number) => TsmctlError
  readonly excess: (length: number, status: number) => TsmctlError
  /** `error`, after which an abort did not help within `milliseconds`. */
  readonly deadAfter: (error: TsmctlError, milliseconds: number) => TsmctlError
}

export function doeFailures(name: string, bdf: Bdf, offset: number): DoeFailures {
  const mailbox = hex(offset, 3)
  const enumerate = `Write 1 to ${deviceDirectory(bdf)}/remove, then 1 to /sys/bus/pci/rescan: only a new enumeration of the function revives its mailbox.`

  const failure = (kind: ErrorKind, got: string, hint: string | undefined, status?: number): TsmctlError =>
    new TsmctlError({
      kind,
      attempted: `use ${name}`,
      subject: bdf,
      got: status === undefined ? got : `${got}; its status register reads ${statusText(status)}`,
      hint,
      details: {mailbox, ...(status === undefined ? {} : {status: hex(status, 8)})},
    })

  return {
    dead: () => failure('transition', 'it is dead since an abort failed', enumerate),
    underWay: () => failure('bug', 'an exchange is under way', undefined),
    inUse: (when, status) => failure('busy', `somebody else uses it: it was not idle ${when}`, NOBODY_ELSE, status),
    deviceError: (when, status) =>
      failure(
        'transition',
        `the device reports an error ${when}`,
        `The device could not handle the request, or somebody else interfered. ${NOBODY_ELSE}`,
        status,
      ),
    timedOut: (milliseconds, status) => failure('timeout', `no answer within ${milliseconds} ms`, SLOW, status),
    foreignObject: (came, due, status) =>
      failure(
        'busy',
        `an object ${featureText(came)} came where one of ${featureText(due)} was due: somebody else uses this mailbox`,
        NOBODY_ELSE,
        status,
      ),
    badLength: got => failure('malformed', got, AGAINST_THE_RULES),
    truncated: (at, length, status) =>
      failure(
        'malformed',
        `the answer is truncated: it ended before byte ${at} of ${length}`,
        `The device announced more than it has, or somebody else read along. ${NOBODY_ELSE}`,
        status,
      ),
    excess: (length, status) =>
      failure('malformed', `more than the announced ${length} bytes came`, AGAINST_THE_RULES, status),
    deadAfter: (error, milliseconds) =>
      new TsmctlError({
        kind: 'transition',
        attempted: error.attempted,
        subject: bdf,
        got: `${error.got ?? error.message}; then an abort did not end within ${milliseconds} ms: the mailbox is dead`,
        hint: enumerate,
        details: {...error.details, dead: true},
        cause: error,
      }),
  }
}
