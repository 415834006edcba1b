/** What a collection records about the machine around the evidence. */
import {expect, it} from 'vitest'
import {kernelFacts} from '../../src/operations/surroundings.js'
import {guest} from '../support/guest.js'

it.each<[string, string, unknown]>([
  [
    'where the memory is',
    '00001000-0009fbff : System RAM\n000a0000-000bffff : PCI Bus 0000:00\n  100000000-1ffffffff : System RAM\n100000000-47fffffff : System RAM\n',
    [
      {first: '0x00001000', last: '0x0009fbff'},
      {first: '0x100000000', last: '0x47fffffff'},
    ],
  ],
  ['nothing where the kernel hides addresses', '00000000-00000000 : System RAM\n', null],
  ['nothing of a file that says something else', 'x-y : System RAM\n', null],
])('%s', async (_, iomem, systemRam) => {
  const {kernel} = await guest()
  const read = (path: string): Uint8Array =>
    path === '/proc/iomem' ? new Uint8Array(Buffer.from(iomem)) : kernel.read(path)
  expect(kernelFacts({...kernel, read})).toMatchObject({systemRam})
})

it('no memory where there is no such file', async () => {
  const {kernel} = await guest()
  expect(kernelFacts(kernel).systemRam).toBeNull()
})
