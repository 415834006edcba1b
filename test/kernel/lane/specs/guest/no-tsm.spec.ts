/** tsmctl on a kernel with a TSM core, with which nobody has registered; specs/without has the other verbs. */
import {beforeAll} from 'vitest'
import {isLoaded, rmmod} from '../../guest/machine.js'
import {describeEssentials} from '../../guest/without-tsm.js'

beforeAll(() => {
  for (const module of ['tsmtest_devsec', 'tsmtest_link']) if (isLoaded(module)) rmmod(module)
})

describeEssentials({
  listed: 'no TSM registered',
  missing: 'No TSM yet: the kernel has a TSM core and nobody has registered with it',
  remedy: 'Load what provides it',
  diagnosis: /FAIL +TSM registered: .*\n +-> Load the driver of the platform/,
})
