/** The session with a cockpit behind it and Ink in front: effects are carried out, the screen follows. */
import {EventEmitter, once} from 'node:events'
import {render} from 'ink'
import {describe, expect, it} from 'vitest'
import type {Appraisal} from '../../src/appraisal/index.js'
import {LiveScreen} from '../../src/tui/mount.js'
import {type Clock, createSession, type Session} from '../../src/tui/session.js'
import {appraisal, D, fakeCockpit, type FakeCockpit} from './sample.js'

const SIZE = {columns: 80, rows: 24}
const EXACT = '0000:01:00.0 9f3c01ab77de'

/** Time that passes only when told to. */
function handClock(): Clock & {pass(milliseconds: number): void} {
  let now = 0
  const waiting: {at: number; action: () => void}[] = []
  return {
    now: () => now,
    after: (milliseconds, action) => {
      waiting.push({at: now + milliseconds, action})
    },
    pass: milliseconds => {
      now += milliseconds
      for (const entry of waiting.splice(0)) {
        if (entry.at <= now) entry.action()
        else waiting.push(entry)
      }
    },
  }
}

interface Running {
  readonly session: Session
  readonly cockpit: FakeCockpit
  readonly clock: ReturnType<typeof handClock>
}

function start(cockpit = fakeCockpit()): Running {
  const clock = handClock()
  return {session: createSession(cockpit, SIZE, clock), cockpit, clock}
}

/** Resolves when the state is as wanted: after the effects, not after some time. */
const until = (session: Session, wanted: () => boolean): Promise<void> =>
  new Promise(resolve => {
    if (wanted()) return resolve()
    const stop = session.subscribe(() => {
      if (!wanted()) return
      stop()
      resolve()
    })
  })

const idle = (session: Session): Promise<void> =>
  until(session, () => session.state().devices !== null && session.state().busy === null)

async function reviewed(running = start()): Promise<Running> {
  await idle(running.session)
  running.session.input('v')
  await idle(running.session)
  return running
}

describe('a session', () => {
  it('reads the devices, reviews, accepts what was typed, and sees RUN', async () => {
    const {session, cockpit, clock} = await reviewed()
    expect(session.state().log.map(({text}) => text)).toContain('0000:01:00.0: collect evidence')
    session.input('a')
    clock.pass(1500)
    session.input(`${EXACT}\r`)
    await idle(session)
    expect(cockpit.accepted).toEqual([{bdf: '0000:01:00.0', digest: D, approval: {typed: EXACT, reason: null}}])
    expect(session.state().devices?.[0]?.state).toBe('RUN')
    expect(session.state().reviews['0000:01:00.0']?.standing).toBe('accepted')
    expect(session.state().message?.text).toBe('0000:01:00.0: accepted. CONFIG_LOCKED -> RUN')
  })

  it('rejects by unlocking', async () => {
    const {session, cockpit, clock} = await reviewed()
    session.input('r')
    clock.pass(1500)
    session.input('\r')
    await idle(session)
    expect(cockpit.calls).toEqual(['review 0000:01:00.0', 'reject 0000:01:00.0'])
    expect(session.state().devices?.[0]?.state).toBe('CONFIG_UNLOCKED')
    expect(session.state().reviews['0000:01:00.0']?.standing).toBe('rejected')
  })

  it('says what failed and what to do, and goes on', async () => {
    const {session} = start()
    await idle(session)
    session.input('jv')
    await idle(session)
    expect(session.state().message).toEqual({text: 'cannot lock 0000:02:00.0: EBUSY. Try again.', tone: 'fail'})
    session.input('k')
    expect(session.state().selected).toBe('0000:01:00.0')
  })

  it.each([
    [new TypeError('boom\x1b[2J'), 'this is a bug in tsmctl: TypeError: boom\\x1b[2J'],
    ['text', 'this is a bug in tsmctl: text'],
  ])('survives a backend that throws %s', async (thrown, text) => {
    const cockpit = {...fakeCockpit(), review: () => Promise.reject(thrown)}
    const {session} = await reviewed(start(cockpit))
    expect(session.state().message?.text).toBe(text)
  })

  it('survives a host that cannot be listed', async () => {
    const cockpit = {...fakeCockpit(), devices: () => Promise.reject(new Error('gone'))}
    const session = createSession(cockpit, SIZE, handClock())
    await until(session, () => session.state().message !== null)
    expect(session.state().message?.text).toContain('gone')
  })

  it('understands sequences that arrive in pieces, and the Escape key', async () => {
    const {session, clock} = start()
    await idle(session)
    session.input('\x1b')
    session.input('[B')
    expect(session.state().selected).toBe('0000:02:00.0')
    session.input('/x\x1b')
    expect(session.state().filtering).toBe(true)
    clock.pass(50)
    expect(session.state()).toMatchObject({filtering: false, filter: ''})
  })

  it.each(['q', '\x03'])('%j quits; closing waits for what is under way', async key => {
    const fake = fakeCockpit()
    const abort = new AbortController()
    const review = async (): Promise<Appraisal> => {
      await once(abort.signal, 'abort')
      fake.calls.push('rolled back')
      return appraisal()
    }
    const {session} = start({...fake, review, close: () => abort.abort()})
    await idle(session)
    session.input(key === 'q' ? key : `v${key}`)
    await session.quit
    await session.close()
    expect(fake.calls).toEqual(key === 'q' ? [] : ['rolled back'])
  })
})

/** Where Ink draws, with the size it asks for. */
class FakeTerminal extends EventEmitter {
  readonly columns = SIZE.columns
  readonly rows = SIZE.rows
  #frame = ''

  write(frame: string): void {
    this.#frame = frame
    this.emit('frame')
  }

  async shows(text: string): Promise<void> {
    // one frame after the other, until the wanted one or the test's time is over
    // oxlint-disable-next-line no-await-in-loop
    while (!this.#frame.includes(text)) await once(this, 'frame')
  }
}

describe('the live screen', () => {
  it('follows the session', async () => {
    const {session, cockpit} = start()
    const stdout = new FakeTerminal()
    const ink = render(<LiveScreen session={session} />, {
      stdout: stdout as unknown as NodeJS.WriteStream,
      debug: true,
      patchConsole: false,
    })
    await stdout.shows('> 0000:01:00.0 UNLOCKED')
    session.input('v')
    await stdout.shows('REVIEW NEEDED')
    session.input('j')
    await stdout.shows('> 0000:02:00.0')
    ink.unmount()
    expect(cockpit.calls).toEqual(['review 0000:01:00.0'])
  })
})
