/**
 * The SPDM side of the emulated devices: our own responders behind QEMU's mailboxes, with keys, certificates and
 * measurements of their own.
 */
import 'reflect-metadata'
import {appendFileSync, existsSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {serveSpdm} from '../../../../src/operations/spdm-respond.js'
import {listenTcp} from '../../../../src/kernel/index.js'
import {ridOf} from '../../../../src/pci/index.js'
import type {DeviceControl} from '../control.js'
import {createDevice} from './device/device.js'
import {createIdentity} from './device/identity.js'
import {lateAnswers} from './device/late-answers.js'
import {ENDPOINTS} from './machine.js'

export interface Devices {
  /** TCP ports, in the order of `ENDPOINTS`. */
  readonly ports: readonly number[]
  close(): Promise<void>
}

/** Milliseconds: longer than any boot, for a machine may leave its devices alone. */
const IDLE = 600_000

const readControl = (path: string): DeviceControl =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as DeviceControl) : {}

export async function startDevices(share: string): Promise<Devices> {
  const controller = new AbortController()
  const started = await Promise.all(
    ENDPOINTS.map(async bdf => {
      const control = join(share, 'control', bdf)
      const identity = await createIdentity()
      writeFileSync(`${control}.root.der`, identity.root)
      const device = createDevice(identity, {
        requesterId: ridOf(bdf),
        control: () => readControl(`${control}.json`),
        heard: request => appendFileSync(`${control}.heard`, `${request}\n`),
      })
      const listener = lateAnswers(await listenTcp({host: '127.0.0.1', port: 0}), device)
      const served = serveSpdm(listener, device, {signal: controller.signal, idle: IDLE})
      return {listener, served}
    }),
  )
  return {
    ports: started.map(({listener}) => listener.address.port),
    async close() {
      controller.abort()
      for (const {listener} of started) listener.close()
      await Promise.all(started.map(({served}) => served.catch(() => undefined)))
    },
  }
}
