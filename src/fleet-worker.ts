/** A thread of `tsmctl verify DIR`: one bundle after the other, each by the same policy at the same time. */
import {parentPort, workerData} from 'node:worker_threads'
import {appraiseItem, type FleetTerms} from './operations/fleet/appraise-item.js'
import type {FleetItem} from './operations/fleet/types.js'

parentPort?.on('message', (item: FleetItem) => {
  void appraiseItem(item, workerData as FleetTerms).then(verdict => parentPort?.postMessage(verdict, []))
})
