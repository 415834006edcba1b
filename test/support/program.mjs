/**
 * The built program in a thread that runs one command line after the other: a command costs what it does, not the
 * start of Node and the loading of the program. Standard output and error are what it writes to descriptors 1 and 2.
 */
import fs from 'node:fs'
import {syncBuiltinESMExports} from 'node:module'
import {join} from 'node:path'
import {setImmediate} from 'node:timers/promises'
import {workerData} from 'node:worker_threads'

const {root, port, bell} = workerData
const written = {1: [], 2: []}
const {writeSync, write} = fs
fs.writeSync = (fd, bytes, at = 0, ...rest) => {
  if (!(fd in written)) return writeSync(fd, bytes, at, ...rest)
  written[fd].push(Buffer.from(bytes.subarray(at)))
  return bytes.length - at
}
fs.write = (fd, bytes, ...rest) => {
  if (!(fd in written)) return write(fd, bytes, ...rest)
  written[fd].push(Buffer.from(bytes))
  return queueMicrotask(() => rest.at(-1)(null, bytes.length))
}
syncBuiltinESMExports()
// what oclif prints itself
for (const [fd, stream] of [
  [1, process.stdout],
  [2, process.stderr],
])
  stream.write = text => written[fd].push(Buffer.from(text)) > 0

const text = fd => Buffer.concat(written[fd].splice(0)).toString('utf8')
/** What keeps a process from ending. */
const held = () => process.getActiveResourcesInfo().filter(name => name !== 'MessagePort' && name !== 'Immediate')

let runs = 0
port.on('message', async ({args, env}) => {
  process.argv = [process.execPath, join(root, 'bin/tsmctl.cjs'), ...args]
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
  process.exitCode = undefined
  const {ended} = await import(`${root}/dist/main.js?${runs++}`)
  await ended
  for (let turn = 0; turn < 100 && held().length > 0; turn++) await setImmediate()
  port.postMessage({code: process.exitCode ?? 0, out: text(1), err: text(2), held: held()})
  Atomics.store(bell, 0, 1)
  Atomics.notify(bell, 0)
})
