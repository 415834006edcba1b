/** Whoever writes a recording chooses how many links it has: time grows with their number, not faster. */
import {expect, it} from 'vitest'
import {known} from '../../src/known.js'
import {streamsByFunction} from '../../src/operations/streams.js'
import type {HostBridge} from '../../src/pci/index.js'

/** Copying what there is for each one more would take a minute. */
const MANY = 50_000

it('many streams that end at one function', {timeout: 10_000}, () => {
  const bridge: HostBridge = {
    name: 'pci0000:00',
    domain: 0,
    bus: 0,
    path: '/sys/devices/pci0000:00',
    availableSecureStreams: {present: false},
    streams: known(
      Array.from({length: MANY}, (_, i) => ({
        name: `stream${i}`,
        hostBridgeSlot: i,
        rootPortBlock: 0,
        endpointBlock: 0,
        endpoint: known('0000:01:00.0'),
      })),
    ),
  }
  const streams = streamsByFunction([bridge], () => '0000:00:01.0')
  expect(streams('pci0000:00', '0000:01:00.0')).toMatchObject({known: true, value: {length: MANY}})
  expect(streams('pci0000:00', '0000:00:01.0')).toMatchObject({known: true, value: {length: MANY}})
})
