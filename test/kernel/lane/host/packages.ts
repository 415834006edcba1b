/**
 * Debian packages without touching this system's package state: apt works in a directory of its own, from the mirror this
 * system uses. Signatures are checked with Debian's archive key.
 */
import {existsSync, mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {runProgram} from './command.js'
import {LaneFailure} from './failure.js'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const SUITES = ['trixie', 'trixie-backports']
export const ELSEWHERE =
  'Where there is no Debian, run the lane in a container, or with a bundle made elsewhere: docs/kernel-lane.md.'

export interface Packages {
  /** Names of packages that start with `prefix`. */
  named(prefix: string): Promise<readonly string[]>
  /** What installing these on an empty system takes, as `name=version`, sorted. */
  closure(suite: string, names: readonly string[]): Promise<readonly string[]>
  /** Downloads exactly these into a directory. */
  download(names: readonly string[], directory: string): Promise<void>
}

async function mirror(signal: AbortSignal): Promise<string> {
  const {TSMCTL_DEBIAN_MIRROR} = process.env
  if (TSMCTL_DEBIAN_MIRROR) return TSMCTL_DEBIAN_MIRROR
  const command = ['apt-get', 'indextargets', '--format', '$(REPO_URI)'] as const
  const listing = await runProgram('find a Debian mirror', command, {signal, hint: ELSEWHERE})
  const found = listing.split('\n').find(line => /\/debian\/?$/.test(line))
  if (found !== undefined) return found
  throw new LaneFailure(
    'find a Debian mirror',
    'this system takes its packages from elsewhere',
    `Set TSMCTL_DEBIAN_MIRROR to the directory of one that holds dists/. ${ELSEWHERE}`,
  )
}

/** apt in an empty `directory`, with the package lists of today. Throws LaneFailure. */
export async function openPackages(directory: string, signal: AbortSignal): Promise<Packages> {
  if (!existsSync(KEYRING))
    throw new LaneFailure('check packages', `there is no ${KEYRING}`, `Install debian-archive-keyring. ${ELSEWHERE}`)
  for (const name of ['lists/partial', 'archives/partial']) mkdirSync(join(directory, name), {recursive: true})
  const address = await mirror(signal)
  const sources = join(directory, 'sources.list')
  writeFileSync(join(directory, 'status'), '')
  writeFileSync(
    sources,
    SUITES.map(suite => `deb [arch=amd64 signed-by=${KEYRING}] ${address} ${suite} main\n`).join(''),
  )
  const options = Object.entries({
    'Dir::State': directory,
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'Dir::Cache::archives': join(directory, 'archives'),
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': 'amd64',
    'APT::Architectures::': 'amd64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
    'Debug::NoLocking': 'true',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const settings = {
    signal,
    hint: 'Without a network the lane runs from its cache or a bundle (--bundle). TSMCTL_DEBIAN_MIRROR names another mirror.',
  }
  const attempted = `get packages from ${address}`
  const apt = (program: string, args: readonly string[], cwd?: string): Promise<string> =>
    runProgram(attempted, [program, ...options, ...args], {...settings, ...(cwd !== undefined && {cwd})})
  await apt('apt-get', ['-qq', 'update'])
  return {
    named: async prefix => (await apt('apt-cache', ['pkgnames', prefix])).split('\n').filter(Boolean),
    async closure(suite, names) {
      const plan = await apt('apt-get', ['-qq', '-y', '--simulate', '-t', suite, 'install', ...names])
      return [...plan.matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name, version]) => `${name}=${version}`).sort()
    },
    async download(names, into) {
      await apt('apt-get', ['-qq', 'download', ...names], into)
    },
  }
}
