/** The host's verbs as plans: connect, disconnect, and what keeps a device awake meanwhile. Facts in, writes out. */
import type {Plan, Step, Undo, Write} from './plan.js'
import {devicePath} from './tdi.js'

/** How a device stands when a plan for it is made. */
export interface HostDevice {
  readonly bdf: string
  /** What `power/control` reads; null when there is none or it cannot be read. */
  readonly powerControl: string | null
}

const AWAKE = 'on'

const powerWrite = (bdf: string, value: string, why: string): Write => ({
  path: `${devicePath(bdf)}/power/control`,
  value,
  why,
})

/** Linux does not wake a device for DOE: one that may suspend by itself is held in D0 first. */
const isHeld = ({powerControl}: HostDevice): boolean => powerControl !== null && powerControl !== AWAKE

/** Refusals of `power/control`: a device that cannot be held awake may still connect. */
const UNWILLING = ['EINVAL', 'EACCES', 'EPERM']

const wakeStep = ({bdf, powerControl}: HostDevice): Step => ({
  write: powerWrite(bdf, AWAKE, 'hold the device in D0 while its mailbox is used'),
  expect: [],
  undo: {
    ...powerWrite(bdf, powerControl!, `power/control is ${powerControl!} again`),
    unless: {path: `${devicePath(bdf)}/power/control`, reads: powerControl!},
  },
  undoIfRefused: true,
  tolerate: UNWILLING,
})

/** Takes back what `wakeStep` did, once all is well. */
export const sleepPlan = (device: HostDevice): Plan => ({
  verb: 'let sleep',
  subject: device.bdf,
  steps: isHeld(device)
    ? [
        {
          write: powerWrite(device.bdf, device.powerControl!, 'let the device sleep again'),
          expect: [{path: `${devicePath(device.bdf)}/power/control`, reads: device.powerControl!}],
          tolerate: UNWILLING,
        },
      ]
    : [],
})

const disconnected = (bdf: string, tsm: string): Undo => ({
  path: `${devicePath(bdf)}/tsm/disconnect`,
  value: tsm,
  why: 'disconnected again',
  unless: {path: `${devicePath(bdf)}/tsm/connect`, reads: ''},
})

/** hold awake → connect. The name is written exactly: the kernel would take a sloppy one. */
export function connectPlan(device: HostDevice, tsm: string): Plan {
  const {bdf} = device
  const path = devicePath(bdf)
  return {
    verb: 'connect',
    subject: bdf,
    steps: [
      ...(isHeld(device) ? [wakeStep(device)] : []),
      {
        write: {path: `${path}/tsm/connect`, value: tsm, why: `connect the device to ${tsm}: SPDM session, IDE stream`},
        expect: [
          {path: `${path}/tsm/connect`, reads: tsm},
          // a connected function 0 is its own DSM
          {path: `${path}/tsm/dsm`, reads: bdf},
        ],
        undo: disconnected(bdf, tsm),
      },
    ],
  }
}

/** Keys and sessions end with it; only another connect, with new ones, brings them back. */
export function disconnectPlan(device: HostDevice, tsm: string): Plan {
  const {bdf} = device
  const path = devicePath(bdf)
  return {
    verb: 'disconnect',
    subject: bdf,
    steps: [
      ...(isHeld(device) ? [wakeStep(device)] : []),
      {
        write: {path: `${path}/tsm/disconnect`, value: tsm, why: `end the connection to ${tsm}: keys and session go`},
        expect: [{path: `${path}/tsm/connect`, reads: ''}],
      },
    ],
  }
}
