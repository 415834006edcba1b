import {expect, it} from 'vitest'
import {blockUsage, decodeIde, encodeIde, liveStreamIds} from '../../src/ide/index.js'

const config = new Uint8Array(4096)
config.set(
  encodeIde({
    capability: {},
    link: [{enable: true, streamId: 9}, {streamId: 8}],
    selective: [
      {enable: true, state: 2, streamId: 1},
      {enable: true, streamId: 2},
      {streamId: 255},
      {streamId: 3},
      {associations: [{}]},
      {enable: true, state: 2, streamId: 4},
    ],
  }),
  0x100,
)
const ide = decodeIde(config, 0x100)
const indices = (blocks: readonly {readonly index: number}[]) => blocks.map(({index}) => index)

it('tells the kernel, somebody else, free and failed blocks apart', () => {
  const usage = blockUsage(ide, new Set([0, 3]))
  expect({
    capability: usage.capability,
    usable: usage.usable,
    kernel: indices(usage.kernel),
    foreign: indices(usage.foreign),
    free: indices(usage.free),
    failed: indices(usage.failed),
    insecure: indices(usage.insecure),
  }).toEqual({capability: 6, usable: 4, kernel: [0], foreign: [1, 5], free: [2], failed: [3], insecure: [1]})
})

it('only enabled streams hold an ID', () => expect([...liveStreamIds(ide)].sort()).toEqual([1, 2, 4, 9]))
