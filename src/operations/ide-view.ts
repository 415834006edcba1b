/** Fabric and account of one moment. */
import {accountOf} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import type {IdeView} from '../tsm/index.js'
import {readFabric} from './fabric.js'

/** Of what lies below one host bridge, or of the whole machine. Throws ErrnoError when there is no PCI bus to list, and EINTR on abort. */
export async function readIdeView(kernel: Kernel, signal?: AbortSignal, bridge?: string): Promise<IdeView> {
  const fabric = await readFabric(kernel, signal, bridge)
  return {fabric, account: accountOf(fabric)}
}
