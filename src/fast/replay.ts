/** The fast path on a recorded machine: a program of its own, so that listing the running one need not load it. */
import {openReplay} from '../kernel/index.js'
import {fastWith} from './fast-list.js'

const PREFIX = 'replay:'

export const fast = fastWith(host =>
  host.startsWith(PREFIX) && host.length > PREFIX.length ? openReplay(host.slice(PREFIX.length)) : undefined,
)
