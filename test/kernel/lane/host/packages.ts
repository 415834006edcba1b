/**
 * Debian packages without touching this system's package state: apt works in a directory of its own, from the mirror this
 * system uses, and dpkg-deb unpacks into a tree. Signatures are checked with Debian's archive key.
 */
import {existsSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {runProgram} from './command.js'
import {LaneFailure} from './failure.js'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const SUITES = ['trixie', 'trixie-backports']
const CONTAINER =
  'Where there is no Debian, run the lane in a container, or with a bundle from elsewhere: docs/kernel-lane.md.'

export interface Packages {
  /** Names of packages that start with `prefix`. */
  named(prefix: string): Promise<readonly string[]>
  /** Downloads these and what they need; returns the paths of the packages. */
  download(suite: string, names: readonly string[]): Promise<readonly string[]>
}

async function mirror(): Promise<string> {
  const {TSMCTL_DEBIAN_MIRROR} = process.env
  if (TSMCTL_DEBIAN_MIRROR) return TSMCTL_DEBIAN_MIRROR
  const listing = await runProgram('find a Debian mirror', ['apt-get', 'indextargets', '--format', '$(REPO_URI)'], {
    hint: CONTAINER,
  })
  const found = listing.split('\n').find(line => /\/debian\/?$/.test(line))
  if (found !== undefined) return found
  throw new LaneFailure(
    'find a Debian mirror',
    'this system takes its packages from elsewhere',
    `Set TSMCTL_DEBIAN_MIRROR to the directory of one that holds dists/. ${CONTAINER}`,
  )
}

/** apt in `directory`, with the package lists of today. Throws LaneFailure. */
export async function openPackages(directory: string): Promise<Packages> {
  if (!existsSync(KEYRING))
    throw new LaneFailure('check packages', `there is no ${KEYRING}`, `Install debian-archive-keyring. ${CONTAINER}`)
  for (const name of ['lists/partial', 'archives/partial', 'etc']) mkdirSync(join(directory, name), {recursive: true})
  const address = await mirror()
  const sources = join(directory, 'etc/sources.list')
  writeFileSync(join(directory, 'status'), '')
  writeFileSync(
    sources,
    SUITES.map(suite => `deb [arch=amd64 signed-by=${KEYRING}] ${address} ${suite} main\n`).join(''),
  )
  const archives = join(directory, 'archives')
  const options = Object.entries({
    'Dir::State': directory,
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'Dir::Cache::archives': archives,
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'APT::Architecture': 'amd64',
    'APT::Architectures::': 'amd64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Debug::NoLocking': 'true',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const attempted = `get packages from ${address}`
  await runProgram(attempted, ['apt-get', ...options, '-qq', 'update'])
  return {
    async named(prefix) {
      const names = await runProgram(attempted, ['apt-cache', ...options, 'pkgnames', prefix])
      return names.split('\n').filter(Boolean)
    },
    async download(suite, names) {
      const get = ['-qq', '-y', '--download-only', '-t', suite, 'install', ...names]
      await runProgram(attempted, ['apt-get', ...options, ...get])
      return readdirSync(archives)
        .filter(name => name.endsWith('.deb'))
        .map(name => join(archives, name))
    },
  }
}
