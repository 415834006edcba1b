/** `npm run bench`: ratios against a baseline measured in the same run; docs/benchmarks.md keeps what was seen. */
import {spawn, spawnSync} from 'node:child_process'
import {mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {installDependencies, root, run} from './install.mjs'

installDependencies()
run(process.execPath, ['scripts/build.mjs'])
const {build} = await import('esbuild')

const cli = join(root, 'bin/tsmctl.cjs')
// reading extra certificates at start would be charged to every run of node
const env = {...process.env, NODE_EXTRA_CA_CERTS: '', TSMCTL_HOST: '', CI: ''}
delete env.NODE_EXTRA_CA_CERTS
delete env.TSMCTL_HOST
const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-bench-'))
const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const rows = []

function milliseconds([program, ...args]) {
  const started = process.hrtime.bigint()
  const {error, signal} = spawnSync(program, args, {env, stdio: ['ignore', 'ignore', 'ignore']})
  if (error || signal) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? signal}`)
  return Number(process.hrtime.bigint() - started) / 1e6
}

/** Runs the two in turn, A B A B …, and keeps the median of each and of the ratio pair by pair. */
function pair(name, command, baselineName, baseline, goal, runs = 15) {
  milliseconds(command)
  milliseconds(baseline)
  const pairs = Array.from({length: runs}, () => [milliseconds(command), milliseconds(baseline)])
  const [a, b] = [0, 1].map(i => median(pairs.map(p => p[i])))
  const ratio = median(pairs.map(([x, y]) => x / y))
  rows.push([name, `${a.toFixed(1)} ms`, baselineName, `${b.toFixed(1)} ms`, `${ratio.toFixed(2)}`, goal])
}

const hex = (value, digits) => value.toString(16).padStart(digits, '0')

const header = Buffer.alloc(64)
header.writeUInt16LE(0x8086, 0)
header.writeUInt16LE(0x1572, 2)
header.writeUInt8(2, 0x0b)

/** One function below `/sys/devices/PARENT`, with the files that tsmctl and lspci read. */
function putFunction(tree, parent, bdf, config, attributes = {}) {
  const device = join(tree, 'sys/devices', parent, bdf)
  mkdirSync(device, {recursive: true})
  const files = {
    uevent: `DRIVER=i40e\nPCI_CLASS=20000\nPCI_ID=8086:1572\nPCI_SUBSYS_ID=8086:0001\nPCI_SLOT_NAME=${bdf}\nMODALIAS=pci:v00008086d00001572sv00008086sd00000001bc02sc00i00\n`,
    vendor: '0x8086\n',
    device: '0x1572\n',
    class: '0x020000\n',
    revision: '0x02\n',
    subsystem_vendor: '0x8086\n',
    subsystem_device: '0x0001\n',
    irq: '11\n',
    resource: '0x0000000000000000 0x0000000000000000 0x0000000000000000\n'.repeat(13),
    config,
    ...attributes,
  }
  if ('tsm/dsm' in attributes) mkdirSync(join(device, 'tsm'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(device, name), content)
  symlinkSync(`../../../devices/${parent}/${bdf}`, join(tree, 'sys/bus/pci/devices', bdf))
}

/** A plain sysfs tree of `count` functions with this configuration space, as both tsmctl and lspci read it. */
function syntheticTree(count, config) {
  const tree = join(scratch, `tree-${count}-${config.length}`)
  mkdirSync(join(tree, 'sys/bus/pci/devices'), {recursive: true})
  for (let i = 0; i < count; i++) {
    const domain = hex(Math.floor(i / 65536), 4)
    putFunction(
      tree,
      `pci${domain}:00`,
      `${domain}:${hex((i >> 8) & 255, 2)}:${hex((i >> 3) & 31, 2)}.${i & 7}`,
      config,
    )
  }
  return tree
}

/** As `config`, with every Selective IDE block as Linux leaves it at boot. */
function withoutStreams(config) {
  const out = Buffer.from(config)
  for (let block = 0, at = 0x40c; block <= out[0x406]; block++) {
    out.writeUInt32LE(0xff000000, at + 4)
    out.writeUInt32LE(0, at + 8)
    at += 20 + 12 * (out.readUInt32LE(at) & 15)
  }
  return out
}

/** A host with a TSM: below each host bridge root ports with seven functions each, all of them with IDE. */
function hostTree(bridges, portsPerBridge, {port, device}) {
  const tree = join(scratch, `host-${bridges}-${portsPerBridge}`)
  const tsm = 'devices/platform/bench/tsm/tsm0'
  for (const path of ['bus/pci/devices', 'class/tsm', tsm]) mkdirSync(join(tree, 'sys', path), {recursive: true})
  symlinkSync(`../../${tsm}`, join(tree, 'sys/class/tsm/tsm0'))
  symlinkSync('../../../bench', join(tree, 'sys', tsm, 'device'))
  for (let b = 0; b < bridges; b++) {
    const domain = hex(b, 4)
    for (let p = 1; p <= portsPerBridge; p++) {
      const above = `${domain}:00:${hex(p, 2)}.0`
      const buses = Buffer.from(port)
      buses.fill(p, 0x19, 0x1b)
      putFunction(tree, `pci${domain}:00`, above, buses)
      for (let fn = 0; fn < 7; fn++)
        putFunction(tree, `pci${domain}:00/${above}`, `${domain}:${hex(p, 2)}:00.${fn}`, device, {
          'tsm/dsm': '\n',
          'tsm/bound': '\n',
          ...(fn === 0 && {'tsm/connect': '\n'}),
        })
    }
    writeFileSync(join(tree, `sys/devices/pci${domain}:00/available_secure_streams`), '4\n')
  }
  return tree
}

const node = [process.execPath, '-e', '0']
const tsmctl = (...args) => [process.execPath, cli, ...args]
const first = spawnSync(process.execPath, [cli, 'list', '--json'], {env, encoding: 'utf8'})
const bdf = JSON.parse(first.stdout).data?.devices?.[1]?.bdf ?? '0000:00:00.0'
pair('tsmctl list (this machine)', tsmctl('list'), 'node -e 0', node, '1.2')
pair('tsmctl --version', tsmctl('--version'), 'node -e 0', node, '1.2')
pair(`tsmctl show ${bdf}`, tsmctl('show', bdf), 'node -e 0', node, '75 ms')
pair('tsmctl lock (no such TSM)', tsmctl('lock', bdf), 'node -e 0', node, '75 ms')
pair('tsmctl decode', tsmctl('decode', 'spdm-version', '--hex', '1004000000010012'), 'node -e 0', node, '75 ms')

// a process for each attestation, against a device in a process of its own
{
  const anchor = join(scratch, 'root.pem')
  const [program, ...args] = tsmctl('spdm', 'respond', '--listen', '127.0.0.1:0', '--root-out', anchor)
  const device = spawn(program, args, {env, stdio: ['ignore', 'ignore', 'pipe']})
  try {
    const line = await new Promise((resolve, reject) => {
      device.stderr.once('data', data => resolve(String(data)))
      device.once('exit', code => reject(new Error(`spdm respond ended with ${code}`)))
    })
    const [address] = /tcp:\S+/.exec(line)
    const attest = tsmctl('spdm', 'attest', address, '--root', anchor)
    pair('tsmctl spdm attest', attest, 'node -e 0', node, '')
  } finally {
    device.kill()
  }
}

const hasLspci = spawnSync('lspci', ['--version']).status === 0
for (const count of [1000, 20_000]) {
  const tree = syntheticTree(count, header)
  const list = tsmctl('list', '--host', `replay:${tree}`)
  const lspci = ['lspci', '-n', '-O', `sysfs.path=${join(tree, 'sys/bus/pci')}`]
  if (hasLspci) pair(`tsmctl list, ${count} functions`, list, 'lspci -n', lspci, 'faster', 7)
  else pair(`tsmctl list, ${count} functions (no lspci here)`, list, 'node -e 0', node, '', 7)
}

// a physical function with MSI-X, PCI Express, ARI, SR-IOV, DOE and four Selective IDE streams
const {tree: nodes} = JSON.parse(readFileSync(join(root, 'fixtures/captures/host-connected.json'), 'utf8'))
const captured = path => Buffer.from(nodes[`/sys/devices/pci0000:00/${path}/config`][2], 'base64')
const whole = captured('0000:00:03.0/0000:01:00.0')
{
  const tree = syntheticTree(20_000, whole)
  const walk = tsmctl('list', '-o', 'bdf,role,tee,ide,ideused,serial', '--host', `replay:${tree}`)
  const lspci = ['lspci', '-n', '-vvv', '-O', `sysfs.path=${join(tree, 'sys/bus/pci')}`]
  const name = 'walk and decode, 20000 functions'
  if (hasLspci) pair(name, walk, 'lspci -n -vvv', lspci, 'faster', 5)
  else pair(`${name} (no lspci here)`, walk, 'node -e 0', node, '', 5)
}

// the host verbs, against a walk that reads the same configuration spaces
{
  const configs = {port: withoutStreams(captured('0000:00:03.0')), device: withoutStreams(whole)}
  const tree = hostTree(8, 16, configs)
  const lspci = ['lspci', '-n', '-vvv', '-O', `sysfs.path=${join(tree, 'sys/bus/pci')}`]
  for (const words of ['connect 0000:01:00.0 --dry-run', 'ide list', 'doctor']) {
    const command = tsmctl(...words.split(' '), '--host', `replay:${tree}`)
    const name = `tsmctl ${words}, 1024 functions`
    if (hasLspci) pair(name, command, 'lspci -n -vvv', lspci, '', 7)
    else pair(`${name} (no lspci here)`, command, 'node -e 0', node, '', 7)
  }
}

/** Bundles `bench/NAME.ts`, runs it, and returns what it prints. */
async function measured(name) {
  const bundle = join(scratch, `${name}.mjs`)
  await build({
    absWorkingDir: root,
    entryPoints: [`bench/${name}.ts`],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    // some of what is bundled is CommonJS
    banner: {js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);"},
    logLevel: 'warning',
  })
  const {stdout, stderr, status} = spawnSync(process.execPath, [bundle], {cwd: root, env, encoding: 'utf8'})
  if (status !== 0) throw new Error(`bench/${name}.ts: ${stderr}`)
  return JSON.parse(stdout)
}

const decode = await measured('interface-report')
rows.push([
  'decode an interface report, 16 ranges',
  `${decode.layout.toFixed(0)} ns`,
  'hand-written, same copy',
  `${decode.byHand.toFixed(0)} ns`,
  decode.ratio.toFixed(2),
  '1.3',
])
for (const {devices, plan, json, ratio} of await measured('ide-plan'))
  rows.push([
    `plan ${devices} devices on 64 host bridges`,
    `${plan.toFixed(2)} ms`,
    'JSON round trip of its input',
    `${json.toFixed(2)} ms`,
    ratio.toFixed(2),
    '< 1 s',
  ])
for (const {name, verify, openssl, ratio} of await measured('spdm-verify'))
  rows.push([
    `verify an SPDM signature, ${name}`,
    `${verify.toFixed(0)} /s`,
    'openssl speed',
    `${openssl.toFixed(0)} /s`,
    ratio.toFixed(2),
    '',
  ])
for (const {name, spent, bare, ratio, goal} of await measured('spdm-flows'))
  rows.push([
    `SPDM: ${name}`,
    `${spent.toFixed(1)} ms`,
    'its signatures and round trips alone',
    `${bare.toFixed(1)} ms`,
    ratio.toFixed(2),
    goal,
  ])
for (const {name, spent, parse, ratio, messagesPerSecond, megabytesPerSecond} of await measured('spdm-decode'))
  rows.push([
    `decode SPDM: ${name}`,
    `${spent.toFixed(1)} ms, ${Math.round(messagesPerSecond)} messages/s, ${megabytesPerSecond.toFixed(1)} MB/s`,
    'JSON.parse of the same facts',
    `${parse.toFixed(1)} ms`,
    ratio.toFixed(2),
    'linear',
  ])
{
  const {look, plain, ratio, latency} = await measured('watch')
  rows.push([
    'watch 1000 devices, one idle look',
    `${look.toFixed(1)} ms`,
    'the same attributes by readFileSync',
    `${plain.toFixed(1)} ms`,
    ratio.toFixed(2),
    '',
  ])
  rows.push([
    'watch 1000 devices, event to transition',
    `${latency.toFixed(2)} ms`,
    'the idle look',
    `${look.toFixed(1)} ms`,
    (latency / look).toFixed(2),
    '',
  ])
  const {admit, evidence} = await measured('admit')
  rows.push([
    `admit, our own part of ${admit.all.toFixed(0)} ms on the simulator`,
    `${admit.own.toFixed(1)} ms`,
    'four P-384 verifications',
    `${admit.bare.toFixed(1)} ms`,
    admit.ratio.toFixed(2),
    '',
  ])
  rows.push([
    'evidence of 16 MiB, frozen with its digest',
    `${evidence.freeze.toFixed(1)} ms`,
    'SHA-384 of the same bytes',
    `${evidence.digest.toFixed(1)} ms`,
    evidence.ratio.toFixed(2),
    '',
  ])
  const {one, fleet} = await measured('appraise')
  rows.push([
    'appraise one bundle, its vendor known',
    `${one.own.toFixed(2)} ms`,
    'four P-384 verifications',
    `${one.bare.toFixed(2)} ms`,
    one.ratio.toFixed(2),
    '',
  ])
  rows.push([
    `verify DIR, ${fleet.count} bundles, all processors`,
    `${fleet.seconds.toFixed(1)} s, ${(fleet.count / fleet.seconds).toFixed(0)}/s`,
    'their signatures alone, all processors',
    `${fleet.bare.toFixed(1)} s`,
    fleet.ratio.toFixed(2),
    '',
  ])
}
rmSync(scratch, {recursive: true})

console.log(`\nNode ${process.versions.node}, ${process.arch}; medians; ratio measured pair by pair\n`)
console.log('| what | time | baseline | time | ratio | goal |')
console.log('| --- | --- | --- | --- | --- | --- |')
for (const row of rows) console.log(`| ${row.join(' | ')} |`)
