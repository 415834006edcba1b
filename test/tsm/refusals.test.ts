/** Three EBUSYs, three ENXIOs: what a refusal meant, told by a second look. */
import {describe, expect, it} from 'vitest'
import {EXIT_CODES} from '../../src/errors.js'
import {type Aftermath, explainRefusal, type HostVerb, REFUSALS} from '../../src/tsm/index.js'

const after = (changes: Partial<Aftermath> = {}): Aftermath => ({
  bdf: '0000:01:00.0',
  tsm: 'tsm0',
  device: true,
  registered: true,
  connected: '',
  idHolders: [],
  offersCma: false,
  ...changes,
})

const TABLE: [HostVerb, string | null, Partial<Aftermath>, string, string][] = [
  ['connect', 'EBUSY', {connected: 'tsm0'}, 'already-connected', 'busy'],
  ['connect', 'EBUSY', {connected: 'tsm1'}, 'connected-elsewhere', 'busy'],
  ['connect', 'EBUSY', {idHolders: ['0000:00:02.0']}, 'stream-id-in-use', 'busy'],
  ['connect', 'EBUSY', {}, 'platform-busy', 'busy'],
  ['connect', 'EBUSY', {idHolders: null}, 'platform-busy', 'busy'],
  ['connect', 'EBUSY', {connected: undefined}, 'platform-busy', 'busy'],
  ['connect', 'ENXIO', {registered: false}, 'tsm-gone', 'not-found'],
  ['connect', 'ENXIO', {}, 'no-cma-mailbox', 'unsupported'],
  ['connect', 'ENXIO', {offersCma: null}, 'no-cma-mailbox', 'unsupported'],
  ['connect', 'ENXIO', {offersCma: true}, 'stream-refused', 'transition'],
  ['connect', 'ENXIO', {offersCma: true, registered: false}, 'tsm-gone', 'not-found'],
  ['connect', 'EFAULT', {}, 'no-secured-cma-or-no-stream', 'unsupported'],
  ['connect', 'EIO', {}, 'spdm-or-firmware-failure', 'transition'],
  ['connect', 'ETIMEDOUT', {}, 'platform-timeout', 'timeout'],
  ['connect', 'EINTR', {}, 'interrupted', 'interrupted'],
  ['connect', 'abandoned', {connected: undefined}, 'abandoned', 'interrupted'],
  ['connect', 'EACCES', {}, 'not-permitted', 'not-permitted'],
  ['connect', 'EROFS', {}, 'read-only', 'not-permitted'],
  ['connect', 'ENOENT', {}, 'attribute-gone', 'not-found'],
  ['connect', 'ENODEV', {device: false}, 'device-gone', 'not-found'],
  ['connect', 'ENODEV', {registered: false}, 'tsm-gone', 'not-found'],
  ['connect', 'ENODEV', {}, 'attribute-gone', 'not-found'],
  ['connect', 'EINVAL', {}, 'refused', 'transition'],
  ['connect', 'ENOMEM', {}, 'refused', 'transition'],
  ['connect', null, {connected: ''}, 'rival-disconnected', 'busy'],
  ['connect', null, {connected: 'tsm1'}, 'rival-connected', 'busy'],
  ['connect', null, {connected: null, device: false}, 'device-gone', 'not-found'],
  ['connect', null, {connected: null, registered: false}, 'tsm-gone', 'not-found'],
  ['disconnect', 'ENXIO', {}, 'not-connected', 'busy'],
  ['disconnect', 'ENXIO', {registered: false, connected: null}, 'tsm-gone', 'not-found'],
  ['disconnect', 'EINVAL', {connected: 'tsm1'}, 'connected-elsewhere', 'busy'],
  ['disconnect', 'EINVAL', {connected: 'tsm0'}, 'refused', 'transition'],
  ['disconnect', 'EINTR', {}, 'interrupted', 'interrupted'],
  ['disconnect', 'EACCES', {connected: 'tsm0'}, 'not-permitted', 'not-permitted'],
  ['disconnect', null, {connected: 'tsm0'}, 'rival-connected', 'busy'],
  ['disconnect', null, {connected: 'tsm1'}, 'rival-connected', 'busy'],
]

describe('what a refusal meant', () => {
  it.each(TABLE)('%s: %s with %j is %s', (verb, errno, changes, key, kind) => {
    const found = explainRefusal(verb, errno, after(changes))
    expect(found).toMatchObject({key, kind})
    expect(found.meaning.length).toBeGreaterThan(10)
    expect(found.remedy).not.toBe('')
    expect(EXIT_CODES[found.kind]).toBeGreaterThan(1)
  })

  it('every row of the table can be reached', () => {
    const reached = new Set(TABLE.map(([, , , key]) => key))
    expect(REFUSALS.map(({key}) => key).filter(key => !reached.has(key))).toEqual([])
  })

  it('names who holds the Stream ID, and escapes what it repeats', () => {
    expect(explainRefusal('connect', 'EBUSY', after({idHolders: ['0000:00:02.0']})).meaning).toContain('0000:00:02.0')
    expect(explainRefusal('connect', 'EBUSY', after({connected: '\u001b'})).meaning).toContain('\\x1b')
  })

  it('prints no control characters of a name', () => {
    const {meaning} = explainRefusal('disconnect', 'EIO', after({tsm: 'tsm0\u001b[2J', registered: false}))
    expect(meaning).toMatch(/^[\x20-\x7e]+$/)
  })
})
