/** What tsmctl answers on a machine on which nobody is a TSM, whatever its kernel: clear words and a documented code. */
import {beforeAll, expect, it} from 'vitest'
import {ENDPOINTS} from './machine.js'
import {tsmctl, tsmctlJson} from './program.js'
import {bindDriver} from './trusted.js'

/** What the first answers say on every such machine. */
export interface Essentials {
  /** How `list` says it. */
  readonly listed: string
  /** How a verb says it that needs a TSM. */
  readonly missing: string
  /** What to do about it on a host. */
  readonly remedy: string
  /** What `doctor` finds, and what it says to do. */
  readonly diagnosis: RegExp
}

export interface WithoutTsm extends Essentials {
  /** What `ide list` says of a host bridge. */
  readonly streams: RegExp
}

/** Below a switch; with a mailbox. */
export const DEVICE = ENDPOINTS[2]

/** What there is to be said of the guest's side. */
export const NO_GUEST_SIDE = 'A guest kernel with a devsec TSM is needed'

/** How a verb about the device ends, and which of `words` it does not say. */
function refusal(verb: string, ...words: readonly string[]) {
  const {code, err} = tsmctl([verb, DEVICE])
  return {code, unsaid: words.filter(one => !err.includes(one))}
}

const REFUSED = {code: 7, unsaid: []}

/** What somebody meets first on such a machine. */
export function describeEssentials({listed, missing, remedy, diagnosis}: Essentials): void {
  beforeAll(() => bindDriver(DEVICE))

  it('list shows every function, and that there is no TSM', () => {
    const {code, out, err} = tsmctl(['list'])
    expect(code).toBe(0)
    expect(err).toContain(listed)
    expect(out).toMatch(new RegExp(`^${DEVICE} .* nvme .* - +\\?$`, 'm'))
  })

  it('doctor finds it, and says what to do', () => {
    const {code, out} = tsmctl(['doctor', '--for', 'host'])
    expect(code).toBe(7)
    expect(out).toMatch(diagnosis)
  })

  it('connect says what is missing and what to do', () => expect(refusal('connect', missing, remedy)).toEqual(REFUSED))
}

export function describeWithoutTsm({streams, ...essentials}: WithoutTsm): void {
  describeEssentials(essentials)

  it('show says what the lack of attributes does not say', () => {
    const {code, json} = tsmctlJson(['show', DEVICE])
    expect(code).toBe(0)
    expect(JSON.stringify(json.data)).toContain('no TSM is registered, so its absence says nothing')
  })

  it('ide list tells what there is', () => {
    const {code, out} = tsmctl(['ide', 'list'])
    expect(code).toBe(0)
    expect(out).toMatch(streams)
  })

  it.each([
    ['disconnect', 'There is nothing to disconnect'],
    ['lock', NO_GUEST_SIDE],
  ])('%s says what is missing and what to do', (verb, todo) =>
    expect(refusal(verb, essentials.missing, todo)).toEqual(REFUSED),
  )
}
