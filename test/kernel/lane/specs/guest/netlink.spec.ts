/** Generic netlink of this kernel as the port asks it (Linux net/netlink/genetlink.c, af_netlink.c). */
import {afterAll, beforeAll, expect, it} from 'vitest'
import {decodeFamily, NLCTRL} from '../../../../../src/kernel/genetlink/control.js'
import {encodeRequest} from '../../../../../src/kernel/genetlink/message.js'
import {
  DEVICE_EVIDENCE,
  encodeAttributes,
  type Kernel,
  liveKernel,
  type NetlinkRequest,
  stringAttribute,
  u32Attribute,
} from '../../../../../src/kernel/index.js'
import {libc} from '../../../../../src/kernel/native/libc.js'
import {AF_NETLINK, OPTION, PROTOCOL, RAW, ROOM, SOL, u32Bytes} from '../../../../../src/kernel/native/socket.js'
import {rejectedErrno} from '../../../errnos.js'
import {ENDPOINTS, insmod, isLoaded, rmmod} from '../../guest/machine.js'
import {asNobody} from '../../guest/nobody.js'

const NONE = new Uint8Array(0)
const LIST: NetlinkRequest = {family: 'nlctrl', version: NLCTRL.version, command: NLCTRL.getFamily, attributes: NONE}
/** A family of every kernel whose only question is for administrators: uapi `linux/taskstats.h`, TASKSTATS_CMD_GET. */
const STATISTICS: NetlinkRequest = {
  family: 'TASKSTATS',
  version: 1,
  command: 1,
  attributes: encodeAttributes([u32Attribute(1, process.pid)]),
}

let kernel: Kernel

beforeAll(() => {
  if (isLoaded('tsmtest_devsec')) rmmod('tsmtest_devsec')
  kernel = liveKernel()
})
afterAll(() => kernel.close())

it('lists the families, each of which can be asked for by its name', async () => {
  const families = (await kernel.netlinkDump(LIST)).map(decodeFamily)
  const names = families.map(({name}) => name)
  expect(names).toContain('nlctrl')
  expect(names).toContain(STATISTICS.family)
  expect(new Set(names).size).toBe(names.length)
  for (const {name, version, commands} of families.filter(one => ['nlctrl', 'TASKSTATS', 'ethtool'].includes(one.name)))
    // oxlint-disable-next-line no-await-in-loop
    expect(await kernel.netlinkFamily(name)).toMatchObject({name, version, commands})
})

it('tells which attributes a family takes, and how long they may be', async () => {
  const {policy, maxAttribute, commands} = await kernel.netlinkFamily('nlctrl')
  expect([...commands].sort((a, b) => a - b)).toEqual([NLCTRL.getFamily, NLCTRL.getPolicy])
  expect(maxAttribute).toBe(10)
  // CTRL_ATTR_FAMILY_ID is a u16, the name has GENL_NAMSIZ with its NUL, the command is a u32
  expect(policy).toEqual(
    new Map([
      [1, 2],
      [2, 16],
      [10, 4],
    ]),
  )
})

it('has no family that nobody registered', async () => {
  for (const name of ['tsmctl-none', 'pci-tsm', 'a-name-that-is-far-too-long', ''])
    // oxlint-disable-next-line no-await-in-loop
    expect(await rejectedErrno(kernel.netlinkFamily(name))).toBe('ENOENT')
  expect(await rejectedErrno(kernel.netlinkDump({...LIST, family: 'tsmctl-none'}))).toBe('ENOENT')
})

it('has the family of evidence while a guest-side TSM offers it, with or without validation', async () => {
  expect(await rejectedErrno(kernel.netlinkFamily(DEVICE_EVIDENCE.name))).toBe('ENOENT')
  const {attribute, read, validate} = DEVICE_EVIDENCE
  insmod('tsmtest_devsec', {funcs: ENDPOINTS[3]})
  expect(await kernel.netlinkFamily(DEVICE_EVIDENCE.name)).toEqual({
    name: DEVICE_EVIDENCE.name,
    version: DEVICE_EVIDENCE.version,
    maxAttribute: attribute.generation,
    commands: new Set([read, validate]),
    policy: new Map([
      [attribute.typeMask, 4],
      [attribute.flags, 4],
      [attribute.subsystem, null],
      [attribute.deviceName, null],
      // it has a limit, of a kind that policy dumps leave out (Linux net/netlink/policy.c)
      [attribute.nonce, null],
      [attribute.generation, 4],
    ]),
  })
  rmmod('tsmtest_devsec')
  insmod('tsmtest_devsec', {funcs: ENDPOINTS[3], validate: 0})
  expect((await kernel.netlinkFamily(DEVICE_EVIDENCE.name)).commands).toEqual(new Set([read]))
  rmmod('tsmtest_devsec')
  expect(await rejectedErrno(kernel.netlinkFamily(DEVICE_EVIDENCE.name))).toBe('ENOENT')
})

it('refuses what a family does not know, in its own words', async () => {
  expect(await rejectedErrno(kernel.netlinkDo({...LIST, command: 200}))).toBe('EOPNOTSUPP')
  expect(await rejectedErrno(kernel.netlinkDump({...LIST, command: 200}))).toBe('EOPNOTSUPP')
  const tooLong = encodeAttributes([stringAttribute(NLCTRL.attribute.name, 'a'.repeat(40))])
  await expect(kernel.netlinkDo({...LIST, attributes: tooLong})).rejects.toMatchObject({
    errno: 'EINVAL',
    got: expect.stringContaining('the kernel says'),
  })
})

it('answers administrators only where a family says so', async () => {
  expect(await kernel.netlinkDo(STATISTICS)).toHaveLength(1)
  const answers = await asNobody(async () => {
    const another = liveKernel()
    try {
      return [await rejectedErrno(another.netlinkDo(STATISTICS)), (await another.netlinkDump(LIST)).length > 0]
    } finally {
      another.close()
    }
  })
  expect(answers).toEqual(['EPERM', true])
})

it('drops answers for which a socket has no room, and says so once', () => {
  const native = libc('try a socket')
  const fd = native.socket(AF_NETLINK, RAW, PROTOCOL.generic)
  native.setsockopt(fd, SOL.socket, OPTION.receiveBuffer, u32Bytes(1), 4)
  const {id: type, version, getFamily: command} = NLCTRL
  const attributes = encodeAttributes([stringAttribute(NLCTRL.attribute.name, 'nlctrl')])
  const sent = Array.from({length: 32}, (_, i) => {
    const request = encodeRequest({type, version, command, attributes, sequence: i + 1, isDump: false})
    return native.send(fd, request, request.length, 0) === request.length
  })
  const receive = (): number => native.recvfrom(fd, new Uint8Array(ROOM), ROOM, 0, new Uint8Array(12), u32Bytes(12))
  const received = [receive(), receive()]
  native.close(fd)
  expect(sent).not.toContain(false)
  expect(received).toEqual([-105, expect.any(Number)])
  expect(received[1]).toBeGreaterThan(0)
})
