/**
 * What a machine boots from, in two directories that are kept by what they were made from. `machine`: QEMU with its
 * libraries, loader and firmware, and the guest's root with Node. `kernel`: a kernel and an initramfs with test modules.
 */
import {createHash} from 'node:crypto'
import {readdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {Cache} from './cache.js'
import {LaneFailure} from './failure.js'
import {type KernelSeries, newestRelease, packagesOf} from './kernels.js'
import {makeKernel} from './make-kernel.js'
import {makeMachine} from './make-machine.js'
import type {Packages} from './packages.js'
import {furnish, unpack} from './tree.js'

export interface Bundle {
  /** Directories. */
  readonly machine: string
  readonly kernel: string
  /** `uname -r` of its kernel. */
  readonly release: string
}

/** What of the checkout goes into a bundle. */
export interface Sources {
  /** Directory of the test modules. */
  readonly modules: string
  /** The guest's `init`. */
  readonly init: string
  /** What is loaded into QEMU. */
  readonly nodelay: string
}

export interface Workshop {
  readonly cache: Cache
  readonly directory: string
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Opened when first asked for: this is what needs the network. */
  readonly packages: () => Promise<Packages>
  /** Look for newer packages even if that was done lately. */
  readonly isRefresh: boolean
}

/** What the mirror had when it was last asked. */
interface Resolved {
  readonly release: string
  /** Digest of the packages that programs come from. */
  readonly tools: string
  /** Milliseconds since 1970. */
  readonly at: number
}

// the headers of these kernels ask for this compiler
const PROGRAMS = ['qemu-system-x86', 'gcc-14', 'make', 'kmod', 'busybox-static', 'cpio', 'xz-utils']
const ESSENTIAL = ['base-files', 'dash', 'coreutils', 'mawk', 'sed', 'grep', 'findutils', 'libc-bin']
const TOOLS_SUITE = 'trixie-backports'
/** How long the lane does without asking the mirror for newer packages. */
export const RECENT_DAYS = 7
/** Raised when the same sources make another bundle. */
const FORMAT = 3
/** How many of each kind of entry stay in the cache. */
const KEEP = {'tools-': 1, 'linux-': 3, 'machine-': 1, 'kernel-': 8}

function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex').slice(0, 16)
}

/** Digest of what of the checkout goes into the initramfs. */
export const digestOfSources = ({modules, init}: Omit<Sources, 'nodelay'>): string =>
  digestOf(
    String(FORMAT),
    readFileSync(init),
    ...readdirSync(modules)
      .sort()
      .flatMap(name => [name, readFileSync(join(modules, name))]),
  )

function readResolved(path: string): Resolved | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Resolved
  } catch {
    return undefined
  }
}

async function resolve(kernel: KernelSeries, workshop: Workshop): Promise<Resolved> {
  const packages = await workshop.packages()
  const release = newestRelease(await packages.named('linux-'), kernel)
  if (release === undefined)
    throw new LaneFailure(
      `find a kernel ${kernel.series}`,
      `the mirror has none in ${kernel.suite}`,
      'Take another with --kernel, or another mirror with TSMCTL_DEBIAN_MIRROR.',
    )
  const tools = digestOf(...(await packages.closure(TOOLS_SUITE, [...ESSENTIAL, ...PROGRAMS])))
  return {release, tools, at: Date.now()}
}

/** Names of the cache's entries for what was resolved. */
const namesOf = ({release, tools}: Resolved, sources: Sources) => ({
  tools: `tools-${tools}`,
  linux: `linux-${release}`,
  machine: `machine-${digestOf(String(FORMAT), tools, process.version, readFileSync(sources.nodelay))}`,
  kernel: `kernel-${digestOf(tools, release, digestOfSources(sources))}`,
})

/** The bundle for a kernel series: from the cache, or made now. Throws LaneFailure. */
export async function bundleFor(kernel: KernelSeries, sources: Sources, workshop: Workshop): Promise<Bundle> {
  const {cache, directory, say, signal} = workshop
  const path = join(directory, `resolved-${kernel.series}.json`)
  const known = readResolved(path)
  const suffices = (resolved: Resolved): boolean => {
    const {machine, kernel: name, tools, linux} = namesOf(resolved, sources)
    return (cache.has(machine) && cache.has(name)) || (cache.has(tools) && cache.has(linux))
  }
  const isUsable = known !== undefined && suffices(known)
  let resolved = known
  if (!isUsable || workshop.isRefresh || known.at < Date.now() - RECENT_DAYS * 86_400_000)
    try {
      resolved = await resolve(kernel, workshop)
    } catch (error) {
      if (!isUsable || workshop.isRefresh || !(error instanceof LaneFailure)) throw error
      say(`${error.message}\ngoing on with ${known.release}, which is in the cache`)
    }
  if (resolved === undefined) throw new Error('resolved nothing')
  const {release} = resolved
  const names = namesOf(resolved, sources)
  const tools = (): Promise<string> =>
    cache.entry(names.tools, async tree => {
      const packages = await workshop.packages()
      say('get QEMU and a compiler')
      await cache.scratch(async archives => {
        await packages.download(await packages.closure(TOOLS_SUITE, [...ESSENTIAL, ...PROGRAMS]), archives)
        await unpack(archives, tree, signal)
      })
      furnish(tree)
    })
  const linux = (): Promise<string> =>
    cache.entry(names.linux, async tree => {
      const packages = await workshop.packages()
      say(`get Linux ${release}`)
      await cache.scratch(async archives => {
        await packages.download(packagesOf(release, kernel), archives)
        await unpack(archives, tree, signal)
      })
    })
  const machine = await cache.entry(names.machine, async made => {
    const inside = {tree: await tools(), work: made, linux: made}
    say('make the machine')
    await makeMachine(inside, sources.nodelay, signal)
  })
  const made = await cache.entry(names.kernel, async work => {
    const inside = {tree: await tools(), work, linux: await linux()}
    say(`make the kernel ${release}${kernel.hasTsm ? ' and its test modules' : ''}`)
    await makeKernel(inside, release, {...sources, hasTsm: kernel.hasTsm}, signal)
  })
  if (resolved !== known) {
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(resolved))
    renameSync(`${path}.${process.pid}`, path)
  }
  cache.prune(KEEP)
  return {machine, kernel: made, release}
}
