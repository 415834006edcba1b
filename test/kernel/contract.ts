/**
 * What every implementation of the kernel port promises. A subject brings a host and a sample of paths on it by role, so
 * that the same promises hold for a directory in /tmp, a simulated machine and a real one:
 *
 * - `directory`: exactly these names, in this order;
 * - `text`: a text attribute below `directory` whose content stays the same;
 * - `binary`: a file of at least 256 bytes with `st_size` of its length, such as `config` read with privilege;
 * - `link`: a relative link with this target, leading to `directory`;
 * - `absoluteLink`, `loop`: where the host can have them;
 * - `writeOnly`: an attribute without read permission; left out where the reader is root and the files are ordinary;
 * - `missing`: nothing is there, but its directory exists;
 * - `writable`: an attribute that takes these bytes; left out on hosts that cannot be changed;
 * - `register`: a dword of a `config` file that takes these four bytes; left out on hosts that cannot be changed;
 * - `vanish`: removes `text` from under the reader; left out where that is impossible;
 * - `blocking`: a query of it blocks until aborted; left out where nothing blocks;
 * - `family`: a generic-netlink family, and a dump that it answers; left out where there is none;
 * - `event`: makes the kernel send an event that names the given device; left out where nothing can.
 */
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {errnoOf, TsmctlError} from '../../src/errors.js'
import {attributeText, type Kernel, type NetlinkRequest, parseUevent, readText} from '../../src/kernel/index.js'
import {errno, rejectedErrno} from './errnos.js'

export interface Sample {
  readonly directory: {readonly path: string; readonly names: readonly string[]}
  readonly text: {readonly path: string; readonly content: string}
  readonly binary: {readonly path: string; readonly content: Uint8Array}
  readonly link: {readonly path: string; readonly target: string}
  readonly absoluteLink?: string
  readonly loop?: string
  readonly writeOnly?: string
  readonly missing: string
  readonly writable?: {readonly path: string; readonly bytes: Uint8Array}
  readonly register?: {readonly path: string; readonly offset: number; readonly bytes: Uint8Array}
  readonly vanish?: () => void
  readonly blocking?: string
  readonly family?: {readonly name: string; readonly dump: NetlinkRequest}
  readonly event?: {readonly happen: () => Promise<void>; readonly names: string}
}

export interface Subject {
  readonly kernel: Kernel
  readonly sample: Sample
  readonly dispose?: () => void
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

/** The errno of a refusal, or `unsupported` where the host cannot ask at all. */
async function refusal(asked: Promise<unknown>): Promise<string> {
  const error = await asked.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(TsmctlError)
  return (error as TsmctlError).kind === 'unsupported' ? 'unsupported' : (errnoOf(error) ?? 'none')
}

export function describeKernelContract(name: string, make: () => Subject | Promise<Subject>): void {
  describe(`kernel port: ${name}`, () => {
    let subject: Subject
    let kernel: Kernel
    let sample: Sample

    beforeEach(async () => {
      subject = await make()
      ;({kernel, sample} = subject)
    })
    afterEach(() => {
      kernel.close()
      subject.dispose?.()
    })

    describe('reading', () => {
      it('gives the whole content of an attribute, again and again', () => {
        expect(readText(kernel, sample.text.path)).toBe(sample.text.content)
        expect(attributeText(kernel.read(sample.text.path))).toBe(sample.text.content)
      })

      it('gives bytes the caller may keep and change', () => {
        const first = kernel.read(sample.binary.path)
        first.fill(0xaa)
        kernel.read(sample.text.path)
        expect(first.every(byte => byte === 0xaa)).toBe(true)
        expect(kernel.read(sample.binary.path)).toEqual(sample.binary.content)
        const part = kernel.readAt(sample.binary.path, 0, 64)
        part.fill(0xaa)
        kernel.readAt(sample.binary.path, 0, 64)
        expect(part.every(byte => byte === 0xaa)).toBe(true)
        expect(kernel.readAt(sample.binary.path, 0, 64)).toEqual(sample.binary.content.slice(0, 64))
      })

      it('gives bytes from an offset, fewer at the end, none behind it', () => {
        const {path, content} = sample.binary
        expect(kernel.readAt(path, 0, 4)).toEqual(content.slice(0, 4))
        expect(kernel.readAt(path, 61, 7)).toEqual(content.slice(61, 68))
        expect(kernel.readAt(path, content.length - 3, 16)).toEqual(content.slice(-3))
        expect(kernel.readAt(path, content.length, 4)).toEqual(new Uint8Array(0))
        expect(kernel.readAt(path, content.length + 4096, 4)).toEqual(new Uint8Array(0))
        expect(kernel.readAt(path, 0, content.length + 1)).toEqual(content)
        expect(kernel.readAt(path, 8, 0)).toEqual(new Uint8Array(0))
      })

      it('follows links on the way and at the end', () => {
        const below = sample.text.path.slice(sample.directory.path.length)
        expect(readText(kernel, `${sample.link.path}${below}`)).toBe(sample.text.content)
        expect(kernel.list(sample.link.path)).toEqual(sample.directory.names)
      })

      it('refuses what is not there, not a directory, not a file', () => {
        expect(errno(() => kernel.read(sample.missing))).toBe('ENOENT')
        expect(errno(() => kernel.readAt(sample.missing, 0, 1))).toBe('ENOENT')
        expect(errno(() => kernel.read(`${sample.missing}/below`))).toBe('ENOENT')
        expect(errno(() => kernel.read(`${sample.text.path}/below`))).toBe('ENOTDIR')
        expect(errno(() => kernel.read(sample.directory.path))).toBe('EISDIR')
      })

      it('names the path and the errno in the message', () => {
        expect(() => kernel.read(sample.missing)).toThrow(`cannot read ${sample.missing}: ENOENT`)
      })

      it('refuses a write-only attribute', context => {
        if (sample.writeOnly === undefined) return context.skip('no such attribute on this host')
        expect(errno(() => kernel.read(sample.writeOnly!))).toBe('EACCES')
        expect(kernel.stat(sample.writeOnly)?.type).toBe('file')
        return undefined
      })

      it('sees an attribute vanish between two calls', context => {
        if (sample.vanish === undefined) return context.skip('nothing vanishes on this host')
        expect(readText(kernel, sample.text.path)).toBe(sample.text.content)
        sample.vanish()
        expect(errno(() => kernel.read(sample.text.path))).toMatch(/^(?:ENOENT|ENODEV)$/)
        expect(kernel.stat(sample.text.path)).toBeUndefined()
        return undefined
      })
    })

    describe('directories and links', () => {
      it('lists names sorted', () => {
        const names = kernel.list(sample.directory.path)
        expect(names).toEqual(sample.directory.names)
        expect(names).toEqual([...names].sort())
      })

      it('refuses to list what is no directory', () => {
        expect(errno(() => kernel.list(sample.text.path))).toBe('ENOTDIR')
        expect(errno(() => kernel.list(sample.missing))).toBe('ENOENT')
      })

      it('reads links and nothing else as a link', () => {
        expect(kernel.readlink(sample.link.path)).toBe(sample.link.target)
        expect(errno(() => kernel.readlink(sample.text.path))).toBe('EINVAL')
        expect(errno(() => kernel.readlink(sample.missing))).toBe('ENOENT')
      })

      it('tells what is at a path without following a link there', () => {
        expect(kernel.stat(sample.directory.path)?.type).toBe('directory')
        expect(kernel.stat(sample.text.path)?.type).toBe('file')
        expect(kernel.stat(sample.link.path)?.type).toBe('link')
        expect(kernel.stat(sample.binary.path)).toMatchObject({type: 'file', size: sample.binary.content.length})
      })

      it('tells absence by undefined', () => {
        expect(kernel.stat(sample.missing)).toBeUndefined()
        expect(kernel.stat(`${sample.missing}/below`)).toBeUndefined()
        expect(kernel.stat(`${sample.text.path}/below`)).toBeUndefined()
      })

      it('keeps absolute links inside the tree', context => {
        if (sample.absoluteLink === undefined) return context.skip('no such link on this host')
        expect(kernel.list(sample.absoluteLink)).toEqual(sample.directory.names)
        return undefined
      })

      it('gives up on links in a circle', context => {
        if (sample.loop === undefined) return context.skip('no such link on this host')
        expect(errno(() => kernel.read(sample.loop!))).toBe('ELOOP')
        expect(kernel.stat(sample.loop)?.type).toBe('link')
        return undefined
      })
    })

    describe('calls that may block', () => {
      it('query reads like read', async () => {
        expect(attributeText(await kernel.query(sample.text.path))).toBe(sample.text.content)
        expect(await rejectedErrno(kernel.query(sample.missing))).toBe('ENOENT')
      })

      it('does nothing once aborted', async () => {
        const signal = AbortSignal.abort()
        expect(await rejectedErrno(kernel.query(sample.text.path, signal))).toBe('EINTR')
        expect(await rejectedErrno(kernel.write(sample.text.path, bytes('1'), signal))).toBe('EINTR')
      })

      it('ends with EINTR when aborted while blocking', async context => {
        if (sample.blocking === undefined) return context.skip('nothing blocks on this host')
        const controller = new AbortController()
        const query = kernel.query(sample.blocking, controller.signal)
        setImmediate(() => controller.abort())
        expect(await rejectedErrno(query)).toBe('EINTR')
        return undefined
      })
    })

    describe('what is asked beside files', () => {
      const request = {family: 'tsmctl-none', version: 1, command: 1, attributes: new Uint8Array(0)}

      it('refuses to control what is no device', async () => {
        const asked = kernel.ioctl(sample.text.path, 0x5401, new Uint8Array(64))
        expect(await refusal(asked)).toMatch(/^(?:ENOTTY|unsupported)$/)
      })

      it('does nothing once aborted', async () => {
        const signal = AbortSignal.abort()
        const asked = [
          kernel.netlinkFamily('tsmctl-none', signal),
          kernel.netlinkDump(request, signal),
          kernel.netlinkDo(request, signal),
          kernel.ioctl(sample.text.path, 0x5401, new Uint8Array(64), signal),
        ]
        expect(await Promise.all(asked.map(rejectedErrno))).toEqual(['EINTR', 'EINTR', 'EINTR', 'EINTR'])
      })

      it('has events that end once nobody listens, or none', async () => {
        const controller = new AbortController()
        let events: AsyncIterable<Uint8Array | 'lost'>
        try {
          events = kernel.uevents(controller.signal)
        } catch (error) {
          expect(errnoOf(error)).toBe('EOPNOTSUPP')
          return
        }
        setImmediate(() => controller.abort())
        for await (const event of events) expect(event === 'lost' || event.length > 0).toBe(true)
        expect(controller.signal.aborted).toBe(true)
      })
    })

    describe('writing', () => {
      it('takes one write, or refuses because the host cannot be changed', async () => {
        if (sample.writable === undefined) {
          expect(await rejectedErrno(kernel.write(sample.text.path, bytes('1')))).toBe('EROFS')
          expect(readText(kernel, sample.text.path)).toBe(sample.text.content)
        } else await expect(kernel.write(sample.writable.path, sample.writable.bytes)).resolves.toBeUndefined()
      })

      it('makes and removes a directory where users may, and refuses it elsewhere', async () => {
        const made = `${sample.directory.path}/made`
        const answer = await rejectedErrno(kernel.makeDirectory(made))
        expect(answer).toMatch(/^(?:none|EPERM|EROFS)$/)
        expect(kernel.stat(made)?.type).toBe(answer === 'none' ? 'directory' : undefined)
        if (answer === 'none') {
          expect(await rejectedErrno(kernel.makeDirectory(made))).toBe('EEXIST')
          await kernel.removeDirectory(made)
          expect(kernel.stat(made)).toBeUndefined()
        }
        expect(await rejectedErrno(kernel.makeDirectory(sample.directory.path))).toMatch(/^(?:EEXIST|EROFS)$/)
        expect(await rejectedErrno(kernel.makeDirectory(`${sample.missing}/below`))).toMatch(/^(?:ENOENT|EROFS)$/)
        expect(await rejectedErrno(kernel.removeDirectory(made))).toMatch(/^(?:ENOENT|EROFS)$/)
        expect(await rejectedErrno(kernel.removeDirectory(sample.text.path))).toMatch(/^(?:ENOTDIR|EROFS)$/)
        expect(await rejectedErrno(kernel.makeDirectory(made, AbortSignal.abort()))).toBe('EINTR')
        expect(await rejectedErrno(kernel.removeDirectory(made, AbortSignal.abort()))).toBe('EINTR')
      })

      it('never creates an attribute', async () => {
        expect(await rejectedErrno(kernel.write(sample.missing, bytes('1')))).toMatch(/^(?:ENOENT|EROFS)$/)
        expect(kernel.stat(sample.missing)).toBeUndefined()
      })
    })

    describe('writing a register', () => {
      it('changes one dword in place, or refuses because the host cannot be changed', () => {
        const {register, binary} = sample
        if (register === undefined) {
          expect(errno(() => kernel.writeAt(binary.path, 0, new Uint8Array(4)))).toBe('EROFS')
          expect(kernel.read(binary.path)).toEqual(binary.content)
          return
        }
        const {path, offset, bytes: dword} = register
        const expected = kernel.read(path)
        expected.set(dword, offset)
        kernel.writeAt(path, offset, dword)
        expect(kernel.read(path)).toEqual(expected)
        expect(kernel.readAt(path, offset, 4)).toEqual(dword)
        expect(kernel.readAt(path, offset - 3, 6)).toEqual(expected.slice(offset - 3, offset + 3))
      })

      it.each([
        [2, 4],
        [-4, 4],
        [0.5, 4],
        [0, 3],
        [0, 8],
        [0, 0],
      ])('refuses what is no aligned dword: offset %d, %i bytes', (offset, length) => {
        expect(errno(() => kernel.writeAt(sample.binary.path, offset, new Uint8Array(length)))).toBe('EINVAL')
      })

      it('refuses everything but configuration space', () => {
        expect(errno(() => kernel.writeAt(sample.text.path, 0, bytes('1234')))).toBe('EINVAL')
        expect(readText(kernel, sample.text.path)).toBe(sample.text.content)
      })

      it('never creates a file', () => {
        const path = sample.missing.replace(/[^/]*$/, 'config')
        expect(errno(() => kernel.writeAt(path, 0, new Uint8Array(4)))).toMatch(/^(?:ENOENT|EROFS)$/)
        expect(kernel.stat(path)).toBeUndefined()
      })
    })

    describe('generic netlink', () => {
      const unknown: NetlinkRequest = {family: 'no-such-family', version: 1, command: 1, attributes: new Uint8Array()}

      it('has no family of a name that nobody registered', async () => {
        for (const ask of [
          () => kernel.netlinkFamily(unknown.family),
          () => kernel.netlinkDump(unknown),
          () => kernel.netlinkDo(unknown),
        ])
          await expect(ask()).rejects.toMatchObject({kind: expect.stringMatching(/^(?:not-found|unsupported)$/)})
      })

      it('describes a family by commands, attributes and limits that belong together', async context => {
        if (sample.family === undefined) return context.skip('no family on this host')
        const {dump} = sample.family
        const family = await kernel.netlinkFamily(sample.family.name)
        expect([family.name, family.version]).toEqual([sample.family.name, dump.version])
        expect(family.commands).toContain(dump.command)
        for (const type of family.policy?.keys() ?? []) expect(type).toBeLessThanOrEqual(family.maxAttribute)
      })

      it('answers a dump with messages the caller may keep, and a request it does not serve with EOPNOTSUPP', async context => {
        if (sample.family === undefined) return context.skip('no family on this host')
        const {dump} = sample.family
        const first = await kernel.netlinkDump(dump)
        expect(first.length).toBeGreaterThan(0)
        const copy = first.map(message => Uint8Array.from(message))
        for (const message of first) message.fill(0)
        expect(await kernel.netlinkDump(dump)).toEqual(copy)
        expect(await rejectedErrno(kernel.netlinkDo({...dump, command: 200}))).toBe('EOPNOTSUPP')
        expect(await rejectedErrno(kernel.netlinkDump(dump, AbortSignal.abort()))).toBe('EINTR')
      })
    })

    describe('events', () => {
      it('are heard from the call on, until the listener is told to end', async context => {
        if (sample.event === undefined) return context.skip('nothing happens on this host')
        const controller = new AbortController()
        const events = kernel.uevents(controller.signal)
        await sample.event.happen()
        const heard: Uint8Array[] = []
        for await (const event of events) {
          if (event === 'lost') continue
          heard.push(event)
          controller.abort()
        }
        expect(heard).toHaveLength(1)
        const {action, devpath, properties} = parseUevent(heard[0]!)
        expect(`${devpath} ${properties.get('PCI_SLOT_NAME')}`).toContain(sample.event.names)
        expect(properties.get('ACTION')).toBe(action)
      })
    })

    describe('locks', () => {
      it('are held by one at a time, and free once released', () => {
        const release = kernel.lock('0000:01:00.0')
        expect(errno(() => kernel.lock('0000:01:00.0'))).toBe('EBUSY')
        kernel.lock('0000:02:00.0')()
        release()
        kernel.lock('0000:01:00.0')()
      })

      it('are not freed by releasing twice', () => {
        const release = kernel.lock('tsm0')
        release()
        const again = kernel.lock('tsm0')
        release()
        expect(errno(() => kernel.lock('tsm0'))).toBe('EBUSY')
        again()
      })

      it.each(['', '..', '.hidden', 'a/b', 'a@1', 'x'.repeat(200)])('refuse the name %j', lockName => {
        expect(() => kernel.lock(lockName)).toThrow('as the name of a lock or state file')
      })
    })

    describe('state', () => {
      it('is absent, then what was appended, then what replaced it', () => {
        const {state} = kernel
        expect(state.read('audit.jsonl')).toBeUndefined()
        state.append('audit.jsonl', bytes('one\n'))
        state.append('audit.jsonl', bytes('two\n'))
        expect(state.read('audit.jsonl')).toEqual(bytes('one\ntwo\n'))
        state.replace('audit.jsonl', bytes('three\n'))
        expect(state.read('audit.jsonl')).toEqual(bytes('three\n'))
        state.replace('audit.jsonl', bytes(''))
        expect(state.read('audit.jsonl')).toEqual(bytes(''))
        state.remove('audit.jsonl')
        expect(state.read('audit.jsonl')).toBeUndefined()
        state.remove('audit.jsonl')
      })

      it('refuses names that leave its directory', () => {
        for (const stateName of ['../x', 'a/b', '..', ''])
          for (const act of [() => kernel.state.append(stateName, bytes('x')), () => kernel.state.remove(stateName)])
            expect(act).toThrow('as the name of a lock or state file')
      })
    })

    describe('clock and chance', () => {
      it('has a wall clock and a monotonic one', () => {
        expect(kernel.now().getTime()).toBeGreaterThan(0)
        const before = kernel.monotonic()
        const after = kernel.monotonic()
        expect(after).toBeGreaterThanOrEqual(before)
      })

      it('sleeps', async () => {
        const before = kernel.monotonic()
        await kernel.sleep(1)
        expect(kernel.monotonic()).toBeGreaterThan(before)
      })

      it('gives fresh random bytes', () => {
        const [first, second] = [kernel.random(32), kernel.random(32)]
        expect(first).toHaveLength(32)
        expect(second).toHaveLength(32)
        expect(first).not.toEqual(second)
        expect(kernel.random(0)).toEqual(new Uint8Array(0))
      })
    })
  })
}
