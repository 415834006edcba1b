/** The guest's side as the staging branch of July 2026 has it: lock, accept and unlock in every state, and their errnos. */
import {family, link, list, mode, read, type Scene, type Step, shows, uevents, write} from '../step.js'
import {BUS, DEVICE, TSM_CLASS} from './places.js'

const tsm = (name: 'lock' | 'unlock' | 'accept', text: string): Step => write(`${DEVICE}/tsm/${name}`, text)
const state = [read(`${DEVICE}/tsm/lock`), read(`${DEVICE}/tsm/accept`)]

export const LOCKING: readonly Scene[] = [
  {
    title: 'A TSM for the guest',
    shape: 'guest',
    steps: [
      list(TSM_CLASS),
      read(`${TSM_CLASS}/tsm0/pci_mode`),
      shows(['C6'], family('device-evidence')),
      family('pci-tsm'),
      list(`${DEVICE}/tsm`),
      ...['lock', 'unlock', 'accept'].map(name => mode(`${DEVICE}/tsm/${name}`)),
      ...state,
      read(`${DEVICE}/tsm/unlock`),
      shows(['A5'], read(`${DEVICE}/authenticated`)),
    ],
  },
  {
    title: 'lock, accept and unlock with a driver, unlocked',
    steps: [
      link(`${DEVICE}/driver`),
      ...['foo', 'tsm9', 'tsm0'].map(text => tsm('lock', text)),
      shows(['D2'], tsm('unlock', 'tsm0')),
      tsm('accept', '1'),
      uevents(write(`${BUS}/drivers/nvme/unbind`, DEVICE)),
      ...['', 'tsm', 'foo', 'tsm9', 'tsm-1', ' tsm0'].map(text => tsm('lock', text)),
      ...['tsm0', 'tsm9', 'foo', ''].map(text => shows(['D2'], tsm('unlock', text))),
      ...['1', '0', 'maybe', ''].map(text => tsm('accept', text)),
      ...state,
    ],
  },
  {
    title: 'lock, accept and unlock, locked',
    steps: [
      uevents(tsm('lock', 'tsm0junk')),
      ...state,
      ...['tsm0', 'tsm9', 'foo'].map(text => tsm('lock', text)),
      ...['tsm9', 'foo', 'tsm0junk', 'tsm00'].map(text => tsm('unlock', text)),
      ...['0', 'n', 'maybe'].map(text => tsm('accept', text)),
      write(`${BUS}/drivers/nvme/bind`, DEVICE),
      tsm('lock', 'tsm0'),
      tsm('unlock', 'tsm9'),
      tsm('unlock', 'tsm0'),
      tsm('accept', 'maybe'),
      tsm('accept', '1'),
      write(`${BUS}/drivers/nvme/unbind`, DEVICE),
    ],
  },
  {
    title: 'accept and unlock',
    steps: [
      uevents(tsm('accept', 'yes')),
      tsm('accept', '1\n'),
      tsm('accept', '0'),
      tsm('lock', 'tsm0'),
      ...state,
      uevents(tsm('unlock', 'tsm0\n')),
      shows(['D2'], tsm('unlock', 'tsm0')),
      ...state,
      tsm('lock', 'tsm0'),
      tsm('unlock', 'tsm0'),
      write(`${BUS}/drivers/nvme/bind`, DEVICE),
      link(`${DEVICE}/driver`),
    ],
  },
]
