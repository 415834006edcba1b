/** Records what a host answers beside its files: generic netlink, ioctl, and a bounded number of kernel events. */
import {errnoOf, ErrnoError} from '../errors.js'
import type {Capture, Exchange, FamilyAnswer, IoctlExchange} from './capture.js'
import type {Kernel, NetlinkRequest} from './port.js'

/** Events kept; a recording that runs for long says that more were lost. */
export const MOST_UEVENTS = 1000

type Calls = Pick<Kernel, 'netlinkDump' | 'netlinkFamily' | 'netlinkDo' | 'uevents' | 'ioctl'>
type Recorded = Pick<Capture, 'exchanges' | 'families' | 'ioctls' | 'uevents'>

/** A replayed host that was never asked this: recorded as a refusal it would become a fact. */
const isUnasked = (error: unknown): boolean =>
  error instanceof ErrnoError && error.errno === 'ENOENT' && error.kind === 'unsupported'

/** What `call` answers, or the errno it refuses with, given to `keep`; a call that was ended from outside is no answer. */
async function kept<T>(call: () => Promise<T>, keep: (answer: T | string) => void): Promise<T> {
  let answer: T
  try {
    answer = await call()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno !== undefined && errno !== 'EINTR' && !isUnasked(error)) keep(errno)
    throw error
  }
  keep(answer)
  return answer
}

/** The calls of `inner`, recorded, and what was recorded so far. */
export function exchangeRecorder(inner: Kernel): {readonly calls: Calls; recorded(): Recorded} {
  const exchanges: Exchange[] = []
  const families = new Map<string, FamilyAnswer>()
  const ioctls: IoctlExchange[] = []
  const events: (Uint8Array | 'lost')[] = []

  const exchange =
    (kind: Pick<Exchange, 'kind'>, {family, version, command, attributes}: NetlinkRequest) =>
    (answer: readonly Uint8Array[] | string): void => {
      const response = typeof answer === 'string' ? answer : answer.map(message => message.slice())
      exchanges.push({...kind, family, version, command, request: attributes.slice(), response})
    }

  async function* listening(source: AsyncIterable<Uint8Array | 'lost'>): AsyncIterable<Uint8Array | 'lost'> {
    for await (const event of source) {
      if (events.length < MOST_UEVENTS) events.push(event === 'lost' ? event : event.slice())
      else if (events.at(-1) !== 'lost') events.push('lost')
      yield event
    }
  }

  return {
    calls: {
      netlinkDump: (request, signal) => kept(() => inner.netlinkDump(request, signal), exchange({}, request)),
      netlinkDo: (request, signal) => kept(() => inner.netlinkDo(request, signal), exchange({kind: 'single'}, request)),
      netlinkFamily: (name, signal) =>
        kept(
          () => inner.netlinkFamily(name, signal),
          answer => {
            if (typeof answer === 'string') return void families.set(name, {name, answer})
            const {name: _, ...description} = answer
            families.set(name, {name, answer: description})
          },
        ),
      // listens from now on, whoever iterates when
      uevents: signal => listening(inner.uevents(signal)),
      ioctl: (path, request, given, signal) => {
        const argument = given.slice()
        return kept(
          () => inner.ioctl(path, request, given, signal),
          answer =>
            void ioctls.push({
              path,
              request,
              argument,
              response: typeof answer === 'string' ? answer : answer.slice(),
            }),
        )
      },
    },
    recorded: () => ({
      exchanges: [...exchanges],
      ...(families.size > 0 && {families: [...families.values()]}),
      ...(ioctls.length > 0 && {ioctls: [...ioctls]}),
      ...(events.length > 0 && {uevents: [...events]}),
    }),
  }
}
