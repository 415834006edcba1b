/** The account of a machine, from what was read of it. Pure: same fabric, same account. */
import type {IdeAccount} from '../account.js'
import type {Fabric} from '../fabric.js'
import {bridgeAccounts} from './bridges.js'
import {findingsOf} from './findings.js'
import {enumeratedByLinux} from './ignored.js'
import {linkStreamAccounts} from './link-streams.js'
import {Machine} from './machine.js'
import {portAccounts} from './ports.js'
import {streamAccounts} from './streams.js'

export function accountOf(fabric: Fabric): IdeAccount {
  const machine = new Machine(fabric)
  const {ignored, claimed} = enumeratedByLinux(machine)
  const account = {
    bridges: bridgeAccounts(machine, claimed),
    ports: portAccounts(machine, ignored),
    streams: streamAccounts(machine),
    linkStreams: linkStreamAccounts(machine),
  }
  return {...account, findings: findingsOf(machine, account, ignored)}
}
