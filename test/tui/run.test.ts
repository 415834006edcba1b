import {describe, expect, it} from 'vitest'
import {prepareEnvironment, requireTerminal} from '../../src/tui/run.js'

const TTY = {isTTY: true}

describe('the terminal', () => {
  it.each([
    [{}, TTY, 'xterm', 'have to be a terminal'],
    [TTY, {}, 'xterm', 'have to be a terminal'],
    [{isTTY: false}, TTY, undefined, 'have to be a terminal'],
    [TTY, TTY, 'dumb', 'TERM is dumb'],
  ])('%j %j %s is refused with exit code 2 and a way out', (stdin, stdout, term, got) => {
    expect(() => requireTerminal(stdin, stdout, term)).toThrow(
      expect.objectContaining({
        kind: 'usage',
        exitCode: 2,
        got: expect.stringContaining(got),
        hint: expect.stringContaining('list --json'),
      }),
    )
  })

  it.each(['xterm-256color', 'linux', undefined])('%s will do', term => {
    expect(() => requireTerminal(TTY, TTY, term)).not.toThrow()
  })
})

describe('the environment for Ink', () => {
  it('hides that this is CI, and nothing else', () => {
    const env = {CI: 'true', CONTINUOUS_INTEGRATION: '1', CI_NAME: 'x', HOME: '/root', CIRCLE: 'y'}
    prepareEnvironment(env)
    expect(env).toEqual({HOME: '/root', CIRCLE: 'y'})
  })

  it.each([
    [{NO_COLOR: '1', FORCE_COLOR: '3'}, '0'],
    [{NO_COLOR: '', FORCE_COLOR: '3'}, '3'],
    [{}, undefined],
  ])('%j gives FORCE_COLOR %s', (env: NodeJS.ProcessEnv, expected) => {
    prepareEnvironment(env)
    expect(env['FORCE_COLOR']).toBe(expected)
  })
})
