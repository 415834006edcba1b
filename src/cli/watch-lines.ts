/** What a watch tells, one line each: for people, or as a JSON document of its own. */
import {harmless, printable} from '../errors.js'
import type {HostInfo} from '../kernel/index.js'
import {type Fact, FUNCTION_FACTS, TSM_FACTS, type WatchEvent} from '../operations/watch/index.js'
import {type EnvelopeError, envelopeError} from './envelope.js'
import {VERSION} from '../version.js'

const SCHEMA = 'tsmctl.watch-event/1'

type Of<K extends WatchEvent['kind']> = Extract<WatchEvent, {kind: K}>
type Facts = Of<'state'>['now']['facts']

const LONG = 200

const textOf = (fact: Fact): string =>
  fact.known ? (fact.value === null ? '-' : printable(fact.value, LONG)) : `? (${harmless(fact.reason, LONG)})`

const namesOf = (subject: 'function' | 'tsm') => (subject === 'tsm' ? TSM_FACTS : FUNCTION_FACTS)

/** What there is; what there is not is not mentioned. */
function factsText(subject: 'function' | 'tsm', facts: Facts): string {
  const words = namesOf(subject).flatMap(name => {
    const fact = facts[name]
    return fact === undefined || (fact.known && fact.value === null) ? [] : [`${name}=${textOf(fact)}`]
  })
  return words.join(' ')
}

function transitionText({transition: {subject, change}, cause}: Of<'transition'>): string {
  const why = cause === 'poll' || cause === 'event' ? '' : ` (${cause})`
  if (change.what === 'gone') return `gone${why}`
  if (change.what === 'appeared') return `appeared ${factsText(subject, change.now.facts)}${why}`
  return `${change.what} ${textOf(change.from)} -> ${textOf(change.to)}${why}`
}

function admissionText({outcome, message, digest, retryInMilliseconds}: Of<'admission'>): string {
  const about = digest === null ? '' : ` [evidence ${digest.slice('sha384:'.length, 'sha384:'.length + 12)}]`
  const again = retryInMilliseconds === null ? '' : `; tried again in ${Math.ceil(retryInMilliseconds / 100) / 10} s`
  return `${outcome}: ${message}${about}${again}`
}

/** Subject, kind and words of an event. */
function cells(event: WatchEvent): [string, string, string] {
  switch (event.kind) {
    case 'state':
      return [event.name, 'state', factsText(event.subject, event.now.facts)]
    case 'watching':
      return [
        '-',
        'watching',
        `${event.functions} PCI function${event.functions === 1 ? '' : 's'}, ${event.tsms} TSM${event.tsms === 1 ? '' : 's'}`,
      ]
    case 'transition':
      return [event.transition.name, 'change', transitionText(event)]
    case 'uevent': {
      const {action, devpath} = event.event
      return [nameOf(devpath), 'uevent', `${printable(action)} ${printable(devpath, LONG)}`]
    }
    case 'lost':
      return ['-', 'lost', event.message]
    case 'warning':
      return ['-', 'warning', `${event.message} [${event.code}]`]
    case 'admission':
      return [event.bdf, 'admission', admissionText(event)]
  }
}

const nameOf = (devpath: string): string => devpath.slice(devpath.lastIndexOf('/') + 1)

const SUBJECT_WIDTH = '0000:00:00.0'.length
const KIND_WIDTH = 'admission'.length

/** One line for people. */
export function watchText(event: WatchEvent): string {
  const [subject, kind, words] = cells(event)
  return `${event.at.toISOString()}  ${printable(subject).padEnd(SUBJECT_WIDTH)}  ${kind.padEnd(KIND_WIDTH)}  ${harmless(words, 2000)}\n`
}

const valueOrNull = (fact: Fact): string | null => (fact.known ? fact.value : null)
const reasonOrNull = (fact: Fact): string | null => (fact.known ? null : fact.reason)

/** Facts and, apart from them, why some are not known. */
function factsJson(subject: 'function' | 'tsm', facts: Facts) {
  const pairs = namesOf(subject).flatMap((name): [string, Fact][] => {
    const fact = facts[name]
    return fact === undefined ? [] : [[name, fact]]
  })
  return {
    facts: Object.fromEntries(pairs.map(([name, fact]) => [name, valueOrNull(fact)])),
    unknown: pairs.flatMap(([fact, value]) => (value.known ? [] : [{fact, reason: value.reason}])),
  }
}

const subjectJson = (subject: 'function' | 'tsm', name: string) => ({
  subject,
  name,
  bdf: subject === 'function' ? name : null,
})

function transitionJson({transition: {subject, name, change}, cause}: Of<'transition'>) {
  const {what} = change
  const nothing = {from: null, to: null, fromUnknown: null, toUnknown: null, facts: null, unknown: []}
  const detail =
    change.what === 'appeared'
      ? factsJson(subject, change.now.facts)
      : change.what === 'gone'
        ? {}
        : {
            from: valueOrNull(change.from),
            to: valueOrNull(change.to),
            fromUnknown: reasonOrNull(change.from),
            toUnknown: reasonOrNull(change.to),
          }
  return {...subjectJson(subject, name), what, ...nothing, ...detail, cause}
}

function bodyOf(event: WatchEvent): object {
  switch (event.kind) {
    case 'state':
      return {...subjectJson(event.subject, event.name), ...factsJson(event.subject, event.now.facts)}
    case 'transition':
      return transitionJson(event)
    case 'uevent': {
      const {action, devpath, properties} = event.event
      return {name: nameOf(devpath), action, devpath, properties: Object.fromEntries(properties)}
    }
    case 'admission':
      return {...event, error: event.error && envelopeError(event.error)}
    default:
      return event
  }
}

/** Documents of one stream, numbered from 0: a reader sees whether it has all of them. */
export function watchDocuments() {
  let seq = 0
  const head = (time: Date, kind: string) => ({schema: SCHEMA, seq: seq++, time: time.toISOString(), kind})
  return {
    begin: (time: Date, host: HostInfo, interval: number, admits: boolean) => ({
      ...head(time, 'begin'),
      tool: {name: 'tsmctl', version: VERSION},
      host: {kind: host.kind, label: host.label},
      intervalMilliseconds: interval,
      admits,
    }),
    of(event: WatchEvent) {
      const {at, kind} = event
      const {at: _, kind: __, ...body} = bodyOf(event) as Record<string, unknown>
      return {...head(at, kind), ...body}
    },
    end: (time: Date, error: EnvelopeError | null, warnings: readonly {code: string; message: string}[]) => ({
      ...head(time, 'end'),
      warnings: warnings.map(({code, message}) => ({code, message})),
      error,
    }),
  }
}
