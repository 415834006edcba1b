/**
 * Builds `dist/`: one ESM bundle per command with shared chunks, a dependency-free CommonJS file for the fast path, the
 * command manifest, and the list of what is bundled. The package then needs nothing at run time but Node, and for some
 * calls koffi, which is optional and never bundled (src/kernel/native/libc.ts).
 */
import {mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {createHash} from 'node:crypto'
import {join, relative} from 'node:path'
import {installDependencies, root} from './install.mjs'

installDependencies()
const {build} = await import('esbuild')
const {Plugin} = await import('@oclif/core')
const {straightImports} = await import('./straight-imports.mjs')

const commands = readdirSync(join(root, 'src/commands'), {recursive: true})
  .filter(file => /\.tsx?$/.test(file))
  .map(file => file.replace(/\.tsx?$/, ''))
  .sort()
rmSync(join(root, 'dist'), {recursive: true, force: true})

// oclif and its parts are CommonJS: give the ESM output a require()
const banner = {
  js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fu}from'node:url';import{dirname as __dn}from'node:path';const require=__cr(import.meta.url),__filename=__fu(import.meta.url),__dirname=__dn(__filename);",
}
// what a bundler follows and we never run: Ink's developer tools (only with DEV set) and oclif's search for commands
// (the manifest names them)
const NEVER_RUN = /^(react-devtools-core|tinyglobby|minimatch)$/
/** What the fast path never runs: netlink, kernel events, ioctl, flock, and with them the optional package koffi. */
const NATIVE = /^\.\/native\//
const without = filter => ({
  name: 'without',
  setup(bundler) {
    bundler.onResolve({filter}, () => ({path: 'none', namespace: 'none'}))
    bundler.onLoad({filter: /.*/, namespace: 'none'}, () => ({contents: 'module.exports = {}'}))
  },
})
const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
/** One digest over names and content of all sources. */
function sourcesDigest() {
  const hash = createHash('sha384')
  const files = readdirSync(join(root, 'src'), {recursive: true, withFileTypes: true}).filter(entry => entry.isFile())
  for (const path of files.map(({parentPath, name}) => join(parentPath, name)).sort()) {
    const content = readFileSync(path)
    hash.update(`${relative(root, path)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  jsx: 'automatic',
  logLevel: 'warning',
  metafile: true,
  legalComments: 'none',
  minifySyntax: true,
  // less to parse at every start; names stay readable in a stack trace
  minifyWhitespace: true,
  define: {
    'process.env.NODE_ENV': '"production"',
    'process.env.DEV': '"false"',
    TSMCTL_VERSION: JSON.stringify(version),
    TSMCTL_BUILD: JSON.stringify(`sha384:${sourcesDigest()}`),
  },
}
const bundle = await build({
  ...common,
  format: 'esm',
  splitting: true,
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  banner,
  plugins: [without(NEVER_RUN), straightImports(root)],
  entryPoints: {
    main: 'src/main.ts',
    'fleet-worker': 'src/fleet-worker.ts',
    ...Object.fromEntries(commands.map(id => [`commands/${id}`, `src/commands/${id}.ts`])),
  },
})
await build({
  ...common,
  format: 'cjs',
  outdir: 'dist',
  outExtension: {'.js': '.cjs'},
  plugins: [without(NATIVE)],
  entryPoints: {fast: 'src/fast/live.ts', 'fast-replay': 'src/fast/replay.ts'},
})

const plugin = new Plugin({root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true})
await plugin.load()
writeFileSync(join(root, 'oclif.manifest.json'), JSON.stringify(plugin.manifest))

const packages = new Set(
  Object.keys(bundle.metafile.inputs)
    .map(file => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1])
    .filter(Boolean),
)
mkdirSync(join(root, 'dist'), {recursive: true})
writeFileSync(
  join(root, 'THIRD-PARTY.txt'),
  ['Bundled packages: name, version, licence.', '']
    .concat(
      [...packages].sort().map(name => {
        const {version: v, license} = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
        return `${name} ${v} ${license}`
      }),
    )
    .join('\n') + '\n',
)
const kib = Object.values(bundle.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0) >> 10
console.error(`built ${commands.length} commands, ${kib} KiB, ${packages.size} bundled packages`)
