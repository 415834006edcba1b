/** Small helpers to ask a simulated host what a shell would ask. */
import {errnoOf} from '../../src/errors.js'
import {attributeBytes, readText} from '../../src/kernel/index.js'
import {decodeConfigSpace} from '../../src/pci/index.js'
import {decodeIde, type Ide, IDE_CAPABILITY_ID} from '../../src/ide/index.js'
import {attributePath, type TestMachine} from './machines.js'

export interface Shell {
  /** `ok` or the errno of a write. */
  write(place: string, text: string): Promise<string>
  /** Content of a read without its newline, or the errno. */
  read(place: string): string
  /** Names below a directory, sorted, in one line, or the errno. */
  list(place: string): string
  /** Stream links and the number of free slots of a host bridge. */
  bridge(name: string): string
}

/** `0000:01:00.0/tsm/connect` or an absolute path. */
const pathOf = (place: string): string => {
  if (place.startsWith('/')) return place
  const [bdf, ...rest] = place.split('/')
  return attributePath(bdf!, rest.join('/'))
}

const attempt = (action: () => string): string => {
  try {
    return action()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    return errno
  }
}

export function shell({kernel}: Pick<TestMachine, 'kernel'>): Shell {
  return {
    async write(place, text) {
      try {
        await kernel.write(pathOf(place), attributeBytes(text))
        return 'ok'
      } catch (error) {
        const errno = errnoOf(error)
        if (errno === undefined) throw error
        return errno
      }
    },
    read: place => attempt(() => readText(kernel, pathOf(place))),
    list: place => attempt(() => kernel.list(pathOf(place)).toSorted().join(' ')),
    bridge(name) {
      const directory = `/sys/devices/${name}`
      const links = kernel
        .list(directory)
        .filter(entry => entry.startsWith('stream'))
        .sort()
      return [...links, `avail=${readText(kernel, `${directory}/available_secure_streams`)}`].join(' ')
    },
  }
}

/** The IDE registers of a function, decoded by the room that knows them. */
export function ideOf({kernel}: Pick<TestMachine, 'kernel'>, bdf: string): Ide | undefined {
  const bytes = kernel.read(attributePath(bdf, 'config'))
  const {extendedCapabilities} = decodeConfigSpace(bytes)
  if (!extendedCapabilities.known) throw new Error(extendedCapabilities.reason)
  const at = extendedCapabilities.value.find(({id}) => id === IDE_CAPABILITY_ID)?.offset
  return at === undefined ? undefined : decodeIde(bytes, at)
}
