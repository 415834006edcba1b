/** Which TSM a connect means. */
import {printable, quoted, TsmctlError} from '../errors.js'
import type {Probe, ProbedTsm} from '../tsm/index.js'

/** May serve the host side: says so, or does not say. */
const mayLink = ({mode}: ProbedTsm): boolean => mode === 'link' || mode === null

/** The TSM called `wanted`, or the only one that may be meant. Throws TsmctlError when there is none, or several. */
export function chooseHostTsm({tsms, meaning, remedy, profile}: Probe, wanted: string | undefined): ProbedTsm {
  const names = printable(tsms.map(({tsm}) => tsm).join(', '), 200)
  if (wanted !== undefined) {
    const named = tsms.find(({tsm}) => tsm === wanted)
    if (named !== undefined) return named
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `use TSM ${quoted(wanted)}`,
      got: tsms.length === 0 ? 'this machine has no TSM' : `this machine has ${names}`,
      hint: 'The name is taken as it is written: tsm0, tsm1 and so on.',
    })
  }
  if (profile === 'guest')
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: 'choose a TSM',
      got: `this is the guest's side: functions show tsm/lock, none shows tsm/connect (${names})`,
      hint: 'Connect the device on the host. In the guest, tsmctl admit takes it in.',
    })
  const [only, second] = tsms.filter(mayLink)
  if (only === undefined)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: 'choose a TSM',
      got: tsms.length === 0 ? meaning : `no TSM here serves the host side: ${names}`,
      hint: remedy ?? undefined,
    })
  if (second === undefined) return only
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'choose a TSM',
    got: `there are several: ${names}`,
    hint: 'Name one with --tsm.',
  })
}
