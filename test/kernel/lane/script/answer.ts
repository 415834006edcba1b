/** Plays a script on a bench: each step's answer in one line, in words that are the same on every machine of a shape. */
import {errnoOf, TsmctlError} from '../../../../src/errors.js'
import {decodeIde, IDE_CAPABILITY_ID, type SelectiveStream} from '../../../../src/ide/index.js'
import {attributeBytes, attributeText, type Kernel, parseUevent} from '../../../../src/kernel/index.js'
import {
  connect,
  connectionText,
  disconnect,
  listDevices,
  listIde,
  streamWords,
} from '../../../../src/operations/index.js'
import {decodeConfigSpace} from '../../../../src/pci/index.js'
import {type Act, actText, type Happening, type Operation, type Question, type Scene, type Shape} from './step.js'

/** What a user without privileges does with files. */
export type Files = Pick<Kernel, 'read' | 'list' | 'stat' | 'readlink' | 'write'>

/** A side on which scripts are played. */
export interface Bench {
  /** The machine as it is made now; a later one replaces it. */
  machine(shape: Shape): Promise<{readonly kernel: Kernel; readonly nobody: Files}>
  happen(happening: Happening): Promise<void>
  /** Whatever was to happen to the step that is over. */
  calm(): Promise<void>
}

export interface Answer {
  readonly text: string
  readonly answer: string
}

const pathOf = (place: string): string => (place.startsWith('/') ? place : `/sys/bus/pci/devices/${place}`)

const NOTHING = 'nothing'
const words = (list: readonly string[]): string => (list.length === 0 ? NOTHING : list.join(' '))
const lines = (list: readonly string[]): string => (list.length === 0 ? NOTHING : list.join('; '))

const rid = (value: number): string => value.toString(16).padStart(4, '0')

/** Addresses lie where each machine's firmware put them: only their number is said. */
function blockText({index, enabled, streamId, state, failReceived, ...block}: SelectiveStream): string {
  const {valid, base, limit} = block.rid
  const flags = {
    fail: failReceived,
    default: block.defaultStream,
    tee: block.teeLimited,
    config: block.configRequests,
  }
  return [
    `${index}:`,
    enabled ? `ID ${streamId} ${state}` : `off ID ${streamId}`,
    ...Object.entries(flags).flatMap(([name, set]) => (set ? [name] : [])),
    valid ? `rid ${rid(base)}-${rid(limit)}` : '',
    enabled ? `${block.addresses.filter(address => address.valid).length} addresses` : '',
  ]
    .filter(text => text !== '')
    .join(' ')
}

function blocksOf(config: Uint8Array): string {
  const {extendedCapabilities} = decodeConfigSpace(config)
  if (!extendedCapabilities.known) return extendedCapabilities.reason
  const at = extendedCapabilities.value.find(({id}) => id === IDE_CAPABILITY_ID)?.offset
  return at === undefined ? NOTHING : lines(decodeIde(config, at).selectiveStreams.map(blockText))
}

function bridgeText(files: Files, name: string): string {
  const directory = `/sys/devices/${name}`
  const links = files.list(directory).filter(entry => entry.startsWith('stream'))
  const free = attributeText(files.read(`${directory}/available_secure_streams`))
  return ['available_secure_streams', ...links.toSorted(), `avail=${free}`].join(' ')
}

const failureText = ({kind, got, message}: TsmctlError): string => `${kind}: ${got ?? message}`

/** The functions that are drawn in `host/machine.ts`; others differ from one emulator to the next. */
const isDrawn = (bdf: string): boolean => !/^0000:00:(?:0[0-2]|1[0-2]|1f|06)\./.test(bdf)

async function operate(kernel: Kernel, operation: Operation): Promise<string> {
  switch (operation.verb) {
    case 'connect':
    case 'disconnect': {
      const verb = operation.verb === 'connect' ? connect : disconnect
      const {changed, after, failure} = await verb(kernel, operation.device)
      const said = [changed ? 'changed' : 'as it was', connectionText(after)]
      return lines(failure === null ? said : [...said, failureText(failure)])
    }
    case 'list': {
      const {devices} = await listDevices(kernel)
      return lines(
        devices.flatMap(({bdf, driver, tsm, state}) =>
          isDrawn(bdf) ? [`${bdf} ${driver ?? '-'} ${tsm ?? '-'} ${state ?? '-'}`] : [],
        ),
      )
    }
    case 'ide list': {
      const {bridges, streams, findings} = (await listIde(kernel)).list
      return lines([
        ...bridges.map(({name, pool, available}) => `${name} ${available} of ${pool}`),
        ...streams.map(stream => `${streamWords(stream)} ${stream.near?.bdf ?? '?'} ${stream.far?.bdf ?? '?'}`),
        ...findings.map(({code, subject}) => `${code} ${subject}`),
      ])
    }
  }
}

async function ask(kernel: Kernel, files: Files, question: Question): Promise<string> {
  switch (question.do) {
    case 'tsmctl':
      return operate(kernel, question.operation)
    case 'write':
      await files.write(pathOf(question.place), attributeBytes(question.text))
      return 'ok'
    case 'read':
      return JSON.stringify(Buffer.from(files.read(pathOf(question.place))).toString('latin1'))
    case 'list':
      return words(files.list(pathOf(question.place)).toSorted())
    case 'mode': {
      const stat = files.stat(pathOf(question.place))
      return stat === undefined ? NOTHING : `${stat.mode.toString(8)} ${stat.type}`
    }
    case 'link':
      return files.readlink(pathOf(question.place))
    case 'bridge':
      return bridgeText(files, question.name)
    case 'blocks':
      return blocksOf(files.read(pathOf(`${question.device}/config`)))
    case 'config':
      return `${files.read(pathOf(`${question.device}/config`)).length} bytes`
    case 'family': {
      const {version, commands} = await kernel.netlinkFamily(question.name)
      return `version ${version}, commands ${[...commands].join(' ')}`
    }
  }
}

/** The answer to `question`, a refusal included. */
async function answerOf(kernel: Kernel, files: Files, question: Question): Promise<string> {
  try {
    return await ask(kernel, files, question)
  } catch (error) {
    const errno = question.do === 'tsmctl' ? undefined : errnoOf(error)
    if (errno !== undefined) return errno
    if (error instanceof TsmctlError) return failureText(error)
    throw error
  }
}

interface Listener {
  /** Number of the latest event that was heard. */
  latest(): number
  readonly heard: {readonly number: number; readonly text: string}[]
  close(): Promise<void>
}

/** Functions and TSMs: other kobjects come and go with modules and drivers. */
const TOLD: readonly (string | undefined)[] = ['pci', 'tsm']

function listenTo(kernel: Kernel): Listener {
  const controller = new AbortController()
  const events = kernel.uevents(controller.signal)
  const heard: Listener['heard'][number][] = []
  let latest = 0
  const listening = (async () => {
    for await (const message of events) {
      if (message === 'lost') throw new Error('events were lost')
      const {action, devpath, properties} = parseUevent(message)
      latest = Number(properties.get('SEQNUM'))
      if (TOLD.includes(properties.get('SUBSYSTEM')))
        heard.push({number: latest, text: `${action} ${devpath.split('/').at(-1)!}`})
    }
  })()
  return {
    heard,
    latest: () => latest,
    async close() {
      controller.abort()
      await listening
    },
  }
}

/** Number of the kernel's latest event, heard or not. */
const latestEvent = (kernel: Kernel): number => Number(attributeText(kernel.read('/sys/kernel/uevent_seqnum')))

/** Milliseconds for a helper process to start and to bring an event. */
const PATIENCE = 20_000
const POLL = 10

/** The events of `act`: the kernel counts them, so that none is waited for that does not come. */
async function eventsOf(kernel: Kernel, listener: Listener, act: () => Promise<string>): Promise<string> {
  const before = latestEvent(kernel)
  const answer = await act()
  const after = latestEvent(kernel)
  const end = performance.now() + PATIENCE
  const isOver = (): boolean => after === before || listener.latest() >= after || performance.now() >= end
  // oxlint-disable-next-line no-await-in-loop
  while (!isOver()) await kernel.sleep(POLL)
  const heard = listener.heard.flatMap(({number, text}) => (number > before && number <= after ? [text] : []))
  return `${answer === '' ? '' : `${answer}, `}${lines(heard)}`
}

/** Plays `scenes` and tells every step with its answer; scenes by their title. */
export async function* play(
  bench: Bench,
  scenes: readonly Scene[],
): AsyncGenerator<readonly [Scene, readonly Answer[]]> {
  let machine: Awaited<ReturnType<Bench['machine']>> | undefined
  let listener: Listener | undefined
  for (const scene of scenes) {
    if (scene.shape !== undefined) {
      await listener?.close()
      machine = await bench.machine(scene.shape)
      listener = undefined
    }
    if (machine === undefined) throw new Error('the first scene has no machine')
    const {kernel, nobody} = machine
    const perform = async (act: Act): Promise<string> => {
      switch (act.do) {
        case 'happen':
          await bench.happen(act.happening)
          return ''
        case 'uevents':
          return eventsOf(kernel, (listener ??= listenTo(kernel)), () => perform(act.act))
        default: {
          const files = act.do !== 'tsmctl' && act.user !== undefined ? nobody : kernel
          const answer = await answerOf(kernel, files, act)
          await bench.calm()
          return answer
        }
      }
    }
    const answers: Answer[] = []
    // each step needs what the one before left
    // oxlint-disable-next-line no-await-in-loop
    for (const {act} of scene.steps) answers.push({text: actText(act), answer: await perform(act)})
    yield [scene, answers]
  }
  await listener?.close()
}

const lineOf = ({text, answer}: Answer): string => (answer === '' ? text : `${text} -> ${answer}`)

/** The page of a script: a heading for each scene, a line for each step. */
export const pageOf = (played: readonly (readonly [Scene, readonly Answer[]])[]): string =>
  played
    .map(([{title, shape}, answers]) =>
      [`# ${title}${shape === undefined ? '' : ` (a new machine: ${shape})`}`, ...answers.map(lineOf), ''].join('\n'),
    )
    .join('\n')
