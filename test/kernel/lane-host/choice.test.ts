/** What the lane is asked for, and what it makes of it. */
import {describe, expect, it} from 'vitest'
import {jobsOf} from '../lane/host/jobs.js'
import {chosenKernels, KERNELS, newestRelease, packagesOf} from '../lane/host/kernels.js'
import {cacheDirectory, readOptions} from '../lane/host/options.js'

const [newest, , oldest] = KERNELS as [(typeof KERNELS)[0], (typeof KERNELS)[0], (typeof KERNELS)[0]]

const of = (...args: readonly string[]): string[] => {
  const options = readOptions(args)
  return jobsOf(chosenKernels(options.kernel), options).map(({kernel, specs}) => `${kernel.series} ${specs}`)
}

describe('a release', () => {
  it('is the newest of its series, by number', () => {
    const names = [
      'linux-binary-unsigned-7.3.4+deb13-amd64',
      'linux-binary-unsigned-7.3.11+deb13-amd64',
      'linux-binary-unsigned-7.3.12+deb13-cloud-amd64',
      'linux-binary-unsigned-7.30.1+deb13-amd64',
      'linux-headers-7.3.20+deb13-amd64',
    ]
    expect(newestRelease(names, newest)).toBe('7.3.11+deb13-amd64')
    expect(newestRelease(names, oldest)).toBeUndefined()
  })

  it('without a PCI/TSM core needs no headers', () => {
    expect(packagesOf('6.12.107+deb13-amd64', oldest)).toEqual(['linux-image-6.12.107+deb13-amd64-unsigned'])
    expect(packagesOf('7.3.4+deb13-amd64', newest)).toContain('linux-headers-7.3.4+deb13-common')
  })
})

describe('machines', () => {
  it('are those of the first kernel, of all, or the one that is asked for', () => {
    expect(of()).toEqual(['7.3 host', '7.3 guest'])
    expect(of('--kernel', 'all')).toEqual(['7.3 host', '7.3 guest', '7.2 host', '7.2 guest', '6.12 without'])
    expect(of('--kernel', 'all', '--machine', 'without')).toEqual(['6.12 without'])
  })

  it.each([
    [['--machine', 'without'], 'cannot boot the machine without: there is none: 7.3 has host and guest'],
    [['--kernel', '5.10'], 'cannot test on kernel 5.10: the lane knows 7.3, 7.2, 6.12 and all'],
    [['--limit', 'soon'], '--limit takes seconds, not soon'],
    [['--kernels'], "Unknown option '--kernels'"],
  ])('that cannot be are refused: %j', (args, message) => {
    expect(() => of(...args)).toThrow(message)
  })
})

it('keeps what it made where the user wants it', () => {
  expect(cacheDirectory({TSMCTL_KERNEL_CACHE: '/a', XDG_CACHE_HOME: '/b'})).toBe('/a')
  expect(cacheDirectory({TSMCTL_KERNEL_CACHE: '', XDG_CACHE_HOME: '/b'})).toBe('/b/tsmctl-kernel-lane')
})
