/** `--external-decision`: a program of the site's own that may object. */
import {Flags} from '@oclif/core'
import {checkExternal} from '../operations/external-decision.js'

export const externalFlag = {
  'external-decision': Flags.string({
    env: 'TSMCTL_EXTERNAL_DECISION',
    description: 'program that is asked about each decision and may deny it, by its absolute path; it has 10 seconds',
  }),
}

/** The program, known to be named in a way that can be run. */
export function externalProgram(flags: {readonly 'external-decision'?: string | undefined}): {
  readonly externalDecision: string | undefined
} {
  checkExternal(flags['external-decision'])
  return {externalDecision: flags['external-decision']}
}
