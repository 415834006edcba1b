import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {openReplay, readText} from '../../src/kernel/index.js'
import {errno, rejectedErrno} from './errnos.js'
import {addPipe, makeSampleTree, temporary} from './sample-tree.js'

let directory: string
let dispose: () => void
beforeEach(() => ({directory, dispose} = temporary()))
afterEach(() => dispose())

const save = (content: string | Uint8Array): string => {
  const path = join(directory, 'given')
  writeFileSync(path, content)
  return path
}

describe('a replay is opened from', () => {
  it('a capture', () => {
    const path = save(' \n{"format":"tsmtest-sysfs-1","label":"x","kernel":"","tree":{"/sys/a":["f","444","1\\n"]}}')
    const kernel = openReplay(path)
    expect(kernel.host).toEqual({kind: 'replay', label: path})
    expect(readText(kernel, '/sys/a')).toBe('1')
  })

  it('the text of lspci -xxxx', () => {
    const zeros = Array.from({length: 16}, () => '00').join(' ')
    const rows = Array.from({length: 16}, (_, i) => `${(i * 16).toString(16).padStart(2, '0')}: ${zeros}`)
    const kernel = openReplay(save(['00:01.0 Host bridge: Caf\u00e9', ...rows].join('\n')))
    expect(kernel.list('/sys/bus/pci/devices')).toEqual(['0000:00:01.0'])
  })

  it('a directory that holds sys/, also through a link', () => {
    makeSampleTree(directory, '')
    symlinkSync('.', join(directory, 'here'))
    for (const path of [directory, join(directory, 'here')])
      expect(readText(openReplay(path), '/sys/bus/pci/devices/0000:00:01.0/vendor')).toBe('0x8086')
  })

  it('a directory that is a sysfs', () => {
    makeSampleTree(directory, '')
    const kernel = openReplay(join(directory, 'sys'))
    expect(readText(kernel, '/sys/bus/pci/devices/0000:00:01.0/vendor')).toBe('0x8086')
    expect(kernel.list('/sys/bus/pci/devices/absolute')).toContain('vendor')
    expect(kernel.list('/')).toEqual(['sys'])
    expect(kernel.list('/sys')).toEqual(['bus', 'devices'])
    expect(kernel.stat('/')?.type).toBe('directory')
    expect(kernel.stat('/proc')).toBeUndefined()
    expect(errno(() => kernel.read('/proc/cpuinfo'))).toBe('ENOENT')
    expect(errno(() => kernel.list('/proc'))).toBe('ENOENT')
  })
})

describe('a tree', () => {
  it('has no generic-netlink families', async () => {
    makeSampleTree(directory, '')
    const request = {family: 'pci-tsm', version: 1, command: 1, attributes: new Uint8Array(0)}
    expect(await rejectedErrno(openReplay(directory).netlinkDump(request))).toBe('ENOENT')
  })

  it('reads neither pipes nor devices', () => {
    makeSampleTree(directory, '')
    addPipe(directory)
    expect(errno(() => openReplay(directory).read('/sys/devices/pci0000:00/0000:00:01.0/tsm/blocking'))).toBe('EINVAL')
  })

  it('is never left through its links', () => {
    mkdirSync(join(directory, 'tree', 'sys'), {recursive: true})
    writeFileSync(join(directory, 'secret'), 'x')
    symlinkSync('../../secret', join(directory, 'tree', 'sys', 'relative'))
    symlinkSync(join(directory, 'secret'), join(directory, 'tree', 'sys', 'absolute'))
    const kernel = openReplay(join(directory, 'tree'))
    for (const path of ['/sys/relative', '/sys/absolute', '/../secret'])
      expect(errno(() => kernel.read(path))).toBe('ENOENT')
  })
})

describe('what is none of them is refused', () => {
  it.each([
    ['', 'neither a capture nor an lspci dump'],
    ['hello', 'neither a capture nor an lspci dump'],
    ['00:01.0 Host bridge\n', 'neither a capture nor an lspci dump'],
    ['{"format":"x"}', 'expected format'],
  ])('%j', (content, expected) => {
    expect(() => openReplay(save(content))).toThrow(expected)
  })

  it('with the formats that would do', () => {
    expect(() => openReplay(directory)).toThrow('neither sys/ nor bus/ nor devices/')
    try {
      openReplay(directory)
    } catch (error) {
      expect(error).toMatchObject({kind: 'malformed', hint: expect.stringContaining('lspci -xxxx')})
    }
  })

  it('as absent when it is', () => {
    expect(() => openReplay(join(directory, 'none'))).toThrow(expect.objectContaining({kind: 'not-found'}))
  })
})

it('keeps state where it is told to, else in memory', () => {
  makeSampleTree(directory, '')
  const stateDirectory = join(directory, 'state')
  const kernel = openReplay(directory, {stateDirectory})
  kernel.state.append('audit.jsonl', Buffer.from('x'))
  const release = kernel.lock('a')
  const again = openReplay(directory, {stateDirectory})
  expect(again.state.read('audit.jsonl')).toEqual(Uint8Array.of(0x78))
  expect(errno(() => again.lock('a'))).toBe('EBUSY')
  release()
  expect(openReplay(directory).state.read('audit.jsonl')).toBeUndefined()
})

it('a file that is cut short is named, with what is wrong in it', () => {
  const path = save('{"format":"tsmtest-sysfs-1","label":"x')
  expect(() => openReplay(path)).toThrowError(expect.objectContaining({kind: 'malformed', path}))
  expect(() => openReplay(path)).toThrowError(/not JSON/)
})
