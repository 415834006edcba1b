/** What happens to a host from outside: somebody else, the platform, the hardware. */
import {TsmctlError} from '../../errors.js'
import {STREAM_STATE} from '../../ide/index.js'
import {emitError} from '../event-ring.js'
import {type Fault, isWorldFault} from '../faults.js'
import type {MachineStore} from '../store.js'
import {endSessions, loseStream} from '../tsm/index.js'
import {befall, passTime} from '../world.js'
import {type Host, hostOf, isCandidate, isPresent} from './facts.js'
import {connect, disconnect, registerTsm, removeWithChildren, rescanHost, setVfs, unregisterTsm} from './link-tsm.js'

const impossible = ({device, do: what}: Fault, got: string): TsmctlError =>
  new TsmctlError({kind: 'usage', attempted: `let ${what} happen to ${device}`, subject: device, got})

/** Another program connects the device, or disconnects it when it is connected. */
function rival(host: Host, bdf: string): void {
  const fn = host.functions.get(bdf)!
  if (host.now.contexts[bdf]?.dsm === bdf) disconnect(host, bdf)
  else if (host.now.tsm !== null && isPresent(host, bdf) && isCandidate(host, fn)) connect(host, fn)
}

function loseSecurity(host: Host, fault: Fault): void {
  const {now, state} = host
  const stream = now.streams.find(({endpoint}) => endpoint === fault.device)
  if (stream === undefined) throw impossible(fault, 'the device has no stream')
  const [bdf, block] =
    fault.end === 'endpoint' ? [stream.endpoint, stream.endpointBlock] : [stream.rootPort, stream.rootPortBlock]
  now.ide[bdf]!.selective[block]!.state = STREAM_STATE.insecure
  emitError(state, bdf)
}

function reportFailure({now, state}: Host, fault: Fault): void {
  const block = now.ide[fault.device]?.selective[fault.block!]
  if (block === undefined) throw impossible(fault, 'the device has no such Selective block')
  block.fail = true
  emitError(state, fault.device)
}

/** Lets `fault` happen now. Throws TsmctlError `usage` when it cannot happen on this machine. */
export function happen({machine, update}: MachineStore, fault: Fault): void {
  const {device} = fault
  update(state => {
    const host = hostOf(machine, state)
    if (host === undefined) {
      const fn = machine.functions.find(({bdf}) => bdf === device)!
      if (fault.do === 'session-end') return endSessions(machine, state, fn)
      if (fault.do === 'stream-fail') return loseStream(machine, state, fn)
      if (!isWorldFault(fault)) throw impossible(fault, 'this machine is no host')
      return befall(machine, state, fault)
    }
    switch (fault.do) {
      case 'clock':
        return passTime(state, fault)
      case 'tsm-gone':
        return unregisterTsm(host)
      case 'tsm-back':
        if (machine.tsm !== 'link') throw impossible(fault, 'this machine has no TSM')
        return registerTsm(host)
      case 'vanish':
        return removeWithChildren(host, device)
      case 'rescan':
        return rescanHost(host)
      case 'rival':
        return rival(host, device)
      case 'insecure':
        return loseSecurity(host, fault)
      case 'ide-fail':
        return reportFailure(host, fault)
      case 'vfs': {
        if (fault.count! > host.functions.get(device)!.totalVfs) throw impossible(fault, 'the device has fewer')
        return setVfs(host, device, fault.count!)
      }
      default:
        if (!isWorldFault(fault)) return undefined
        if (machine.devsec === null) throw impossible(fault, 'this machine is no guest')
        return befall(machine, state, fault)
    }
  })
}
