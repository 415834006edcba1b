/** What the cockpit shows of a host's device: the prediction of a connect, and both ends of every stream. */
import {harmless} from '../errors.js'
import {
  BLOCK_LINES,
  checkText,
  connectionText,
  type ConnectResult,
  type IdeSubject,
  streamWords,
  type StreamView,
} from '../operations/index.js'
import type {HostView, ViewLine} from './cockpit.js'
import type {Tone} from './lines.js'

type Check = ConnectResult['preflight']['checks'][number]

const MARKS: Readonly<Record<Check['result'], readonly [string, Tone]>> = {
  pass: ['+ ok', 'ok'],
  fail: ['X FAIL', 'fail'],
  warn: ['! warn', 'relaxed'],
  unknown: ['? unknown', 'unproven'],
  'not-applicable': ['- n/a', 'quiet'],
}

const view = (text: string, tone: Tone = 'plain', lead = ''): ViewLine => ({lead, text, tone})

const MARK_WIDTH = Math.max(...Object.values(MARKS).map(([mark]) => mark.length)) + 1

function checkLines(check: Check): ViewLine[] {
  const {result, remedy} = check
  const [mark, tone] = MARKS[result]
  return [
    view(checkText(check), tone, mark.padEnd(MARK_WIDTH)),
    ...(remedy === null ? [] : [view(harmless(remedy, 300), 'plain', ' '.repeat(MARK_WIDTH))]),
  ]
}

const VERDICTS: Readonly<Record<ConnectResult['preflight']['verdict']['outcome'], readonly [string, Tone]>> = {
  'will-succeed': ['connect should succeed, as far as can be seen', 'ok'],
  'will-fail': ['connect will fail', 'fail'],
  unknown: ['connect may succeed: nothing speaks against it for certain', 'unproven'],
}

function connectionLines({before, preflight, failure}: ConnectResult): ViewLine[] {
  const {pool, subfunctions, tsm} = before
  const [verdict, tone] = VERDICTS[preflight.verdict.outcome]
  return [
    view(connectionText(before), 'title'),
    ...(tsm !== null && failure !== null ? [view(failure.got ?? failure.message, 'fail')] : []),
    ...(pool === null
      ? []
      : [view(`${pool.bridge}: ${pool.available ?? '?'} of ${pool.size ?? '?'} stream slots free`)]),
    ...subfunctions.map(({bdf, bound, unknown}) =>
      view(
        `${bdf} depends on it, ${unknown === null ? (bound === null ? 'not bound' : `bound by ${bound}`) : 'unknown'}`,
      ),
    ),
    ...(tsm === null ? [view(verdict, tone), ...preflight.checks.flatMap(checkLines)] : []),
  ]
}

const STREAM_TONES: Readonly<Record<StreamView['state'], Tone>> = {
  secure: 'ok',
  insecure: 'fail',
  'one-sided': 'fail',
  mismatch: 'fail',
  unknown: 'unproven',
}
const NAME_WIDTH = Math.max(...BLOCK_LINES.map(([name]) => name.length)) + 1

/** Both ends of a stream, one below the other where they differ. */
function streamLines(stream: StreamView): ViewLine[] {
  const {nearBlock, farBlock, near, far} = stream
  const rows = BLOCK_LINES.flatMap(([name, say]) => {
    const ends = [nearBlock, farBlock].map(block => (block === null ? 'not read' : say(block)))
    const words = ends[0] === ends[1] ? [ends[0]!] : [`${ends[0]} (root port)`, `${ends[1]} (device)`]
    return words.map((word, i) => view(word, 'plain', `  ${(i === 0 ? name : '').padEnd(NAME_WIDTH)} `))
  })
  return [
    view(streamWords(stream), STREAM_TONES[stream.state]),
    view(`${near?.bdf ?? 'no root port'} to ${far?.bdf ?? 'no device'}`, 'plain', '  '),
    ...rows,
  ]
}

function ideLines({port, note, streams, findings}: IdeSubject): ViewLine[] {
  const numbers =
    port === null
      ? (note ?? 'no IDE')
      : `Selective streams: ${port.capability ?? '?'} in the capability, ${port.usable ?? '?'} usable by Linux, ${port.inUse ?? '?'} in use`
  return [
    view(numbers),
    ...(port?.ignored ? [view(`Linux ignores it: ${port.ignored}`, 'relaxed')] : []),
    ...(streams.length === 0 ? [view('no stream')] : streams.flatMap(streamLines)),
    ...findings.flatMap(({code, severity, message, remedy}) => [
      view(`${severity} ${code}: ${message}`, severity === 'error' ? 'fail' : 'relaxed'),
      view(remedy, 'plain', '    '),
    ]),
  ]
}

/** `dry` is a connect that wrote nothing; `ide` the device in `ide show`. */
export function hostView(dry: ConnectResult, ide: IdeSubject | undefined): HostView {
  const {outcome, errno, check} = dry.preflight.verdict
  const failing = dry.preflight.checks.find(({id}) => id === check)
  return {
    connection: connectionLines(dry),
    streams: ide === undefined ? [view('no IDE')] : ideLines(ide),
    refusal: outcome === 'will-fail' && dry.before.tsm === null ? `${failing?.reason ?? 'predicted'} (${errno})` : null,
  }
}
