/** What a real kernel and a real mailbox said when two requesters met, as expectations of the driver. */
import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import {CMA_SPDM, doeInstances} from '../../src/pci/index.js'
import type {MailboxFaultKind} from '../../src/sim/index.js'
import {hasData, textOf} from '../spdm/support.js'
import {mailboxSetup} from './mailbox-kernel.js'
import {mapKernel} from './map-kernel.js'

const LOG = 'sysfs/abi-hazards.log'
const REQUEST = {...CMA_SPDM, payload: Uint8Array.of(0x10, 0x84, 0, 0)}

/** What the other requester saw, and what the driver makes of the same registers. */
const SEEN: readonly (readonly [seen: RegExp, fault: MailboxFaultKind, says: RegExp])[] = [
  [/"bad length 0":\d+/, 'foreign', /an object 0000:00 came/],
  [/"doe error bit":\d+/, 'error', /reports an error/],
  [
    /expected \[VID, Feature\] = \[0001, 01\], got \[0000, 00\]/,
    'foreign',
    /0000:00 came where one of 0001:01 was due/,
  ],
]

describe.skipIf(!hasData(LOG))('two requesters in one mailbox, as it was', () => {
  const log = hasData(LOG) ? textOf(LOG) : ''

  it.each(SEEN)('%s is told as it is', async (seen, fault, says) => {
    expect(log).toMatch(seen)
    const {instance} = mailboxSetup({faults: [{do: fault}]})
    await expect(instance.exchange(REQUEST)).rejects.toThrow(says)
  })

  it('an abort cured what a collision left, and does here', async () => {
    expect(log).toMatch(/DOE abort from userspace, then connect:\nwrite \S+ "tsm0" -> ok/)
    const {instance} = mailboxSetup({faults: [{do: 'left-error'}]})
    expect((await instance.exchange(REQUEST)).payload).toEqual(REQUEST.payload)
  })

  it('who is not root sees 64 bytes of configuration space and may not write', async () => {
    expect(log).toContain('config bytes -> 64')
    expect(log).toContain('config write open -> "EACCES"')
    const header = new Uint8Array(64)
    header.set([0x36, 0x1b, 0x10, 0, 0, 0, 0x10])
    header[0x34] = 0x40
    const kernel = mapKernel({'/sys/bus/pci/devices/0000:01:00.0/config': header})
    expect(() => doeInstances(kernel, '0000:01:00.0')).toThrow(/only 64 bytes of configuration space/)
    const {instance} = mailboxSetup({}, inner => ({
      ...inner,
      writeAt(path) {
        throw new ErrnoError('EACCES', 'write', path)
      },
    }))
    await expect(instance.exchange(REQUEST)).rejects.toMatchObject({kind: 'not-permitted', errno: 'EACCES'})
  })
})
