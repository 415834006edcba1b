/**
 * The SPDM side of the emulated devices: our own responder behind QEMU's mailboxes, with keys, certificates and
 * measurements of its own. TDISP is answered in the clear, as the test modules open no secure session.
 */
import 'reflect-metadata'
import {join} from 'node:path'
import {writeFileSync} from 'node:fs'
import {serveSpdm} from '../../../../src/operations/spdm-respond.js'
import {environment, listenTcp} from '../../../../src/kernel/index.js'
import {createLabDevice} from '../../../../src/sim/index.js'
import {Responder, SPDM_VERSION} from '../../../../src/spdm/index.js'
import {ENDPOINTS} from './machine.js'

export interface Devices {
  /** TCP ports, in the order of `ENDPOINTS`. */
  readonly ports: readonly number[]
  close(): Promise<void>
}

export async function startDevices(share: string): Promise<Devices> {
  const controller = new AbortController()
  const started = await Promise.all(
    ENDPOINTS.map(async bdf => {
      const device = await createLabDevice({random: environment.random, versions: [SPDM_VERSION['1.2']]})
      writeFileSync(join(share, 'control', `${bdf}.root.der`), device.root)
      const listener = await listenTcp({host: '127.0.0.1', port: 0})
      const served = serveSpdm(listener, new Responder(device.options), {signal: controller.signal, idle: 600_000})
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
