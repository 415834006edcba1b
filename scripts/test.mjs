/**
 * `npm test`: everything CI requires, from a bare clone. With an argument, only that lane: `data`. What looks at sources
 * only runs beside what runs them; its output comes at the end.
 */
import {spawn} from 'node:child_process'
import {installDependencies, root} from './install.mjs'

installDependencies()
const lane = process.argv[2]
const bin = (name, ...args) => ['npx', '--no-install', name, ...args]

/** Runs programs one after the other until one fails; what they print, and whether all succeeded. */
async function inBackground(...commands) {
  let output = ''
  for (const [program, ...args] of commands) {
    const child = spawn(program, args, {cwd: root, stdio: ['ignore', 'pipe', 'pipe']})
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text))
    // the next one starts when this one has ended
    // oxlint-disable-next-line no-await-in-loop
    const failed = await new Promise(resolve => {
      child.on('error', resolve)
      child.on('close', code => resolve(code !== 0 && `${args.join(' ')} failed`))
    })
    if (failed) return {output: `${output}${failed}\n`, ok: false}
  }
  return {output, ok: true}
}

/** Runs a program in front; whether it succeeded. */
const inFront = ([program, ...args]) =>
  new Promise(resolve => {
    spawn(program, args, {cwd: root, stdio: 'inherit'})
      .on('error', () => resolve(false))
      .on('close', code => resolve(code === 0))
  })

if (lane === 'data') process.exitCode = (await inFront(bin('vitest', 'run', '.data.test'))) ? 0 : 1
else {
  const sources = inBackground(bin('tsc', '-p', '.'), bin('oxlint', '--deny-warnings'))
  const works =
    (await inFront([process.execPath, 'scripts/build.mjs'])) &&
    (await inFront(bin('vitest', 'run', '--exclude', '**/*.data.test.*')))
  const {output, ok} = await sources
  process.stderr.write(output)
  if (!works || !ok) process.exitCode = 1
}
