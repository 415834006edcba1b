/** tsmctl on a kernel with a TSM core, with which nobody has registered. */
import {beforeAll} from 'vitest'
import {isLoaded, rmmod} from '../../guest/machine.js'
import {describeWithoutTsm} from '../../guest/without-tsm.js'

beforeAll(() => {
  for (const module of ['tsmtest_devsec', 'tsmtest_link']) if (isLoaded(module)) rmmod(module)
})

describeWithoutTsm({
  listed: 'no TSM registered',
  missing: 'No TSM yet: the kernel has a TSM core and nobody has registered with it',
  remedy: 'Load what provides it',
  diagnosis: /FAIL +TSM registered: .*\n +-> Load the driver of the platform/,
  streams: /^pci0000:00 +host bridge +- +256 +0 +256/m,
})
