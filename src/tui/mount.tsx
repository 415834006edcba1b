/** Draws a session with Ink until it ends. Loaded only by `runCockpit`, after the terminal and environment are ready. */
import {type Instance, render} from 'ink'
import {type ReactElement, useSyncExternalStore} from 'react'
import {Screen} from './screen.js'
import type {Session} from './session.js'

export function LiveScreen({session}: {readonly session: Session}): ReactElement {
  return <Screen state={useSyncExternalStore(session.subscribe, session.state)} />
}

export const mount = (session: Session, stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream): Instance =>
  render(<LiveScreen session={session} />, {
    stdin,
    stdout,
    // keys are read by the session, so that chunks and function keys are all understood
    exitOnCtrlC: false,
    maxFps: 60,
    // Ink 6.8 leaves stale lines behind when it is on
    incrementalRendering: false,
  })
