/** Every read verb, as its JSON data and its text: what two hosts that show the same machine must agree on. */
import {deviceTable} from '../../src/cli/device-table.js'
import {doctorText} from '../../src/cli/doctor-text.js'
import type {Kernel} from '../../src/kernel/index.js'
import {COLUMNS, examineMachine, listColumns, listDevices, rowJson, showDevice} from '../../src/operations/index.js'
import {listIde} from '../../src/operations/ide-list.js'
import {planIde} from '../../src/operations/ide-plan.js'
import {showIde} from '../../src/operations/ide-show.js'

export const READ_VERBS: Readonly<Record<string, (kernel: Kernel) => Promise<unknown>>> = {
  list: async kernel => {
    const listed = await listColumns(kernel, {columns: COLUMNS})
    const shapes = (['table', 'tree', 'raw'] as const).map(shape =>
      deviceTable(listed, COLUMNS, {shape, headings: true}),
    )
    return {list: listed.list, rows: listed.devices.map(rowJson), shapes}
  },
  show: async kernel => {
    const {devices} = await listDevices(kernel)
    return Promise.all(devices.map(({bdf}) => showDevice(kernel, bdf)))
  },
  'ide list': kernel => listIde(kernel),
  'ide show': async kernel =>
    showIde(
      kernel,
      (await listDevices(kernel)).devices.map(({bdf}) => bdf),
    ),
  doctor: kernel => examineMachine(kernel),
  // a machine on which no device can have a stream says so, and has to say so again
  'ide plan': kernel => planIde(kernel, {rule: 'slot', pools: [], bdfs: []}).catch((error: Error) => error.message),
}

const VIEWED = COLUMNS.filter(({name}) =>
  ['bdf', 'id', 'class', 'driver', 'tsm', 'state', 'dsm', 'bound', 'stream', 'ideused'].includes(name),
)

/** What a person reads of a machine, as text by name of a file. */
export async function viewsOf(kernel: Kernel): Promise<Readonly<Record<string, string>>> {
  const listed = await listColumns(kernel, {columns: VIEWED})
  const inside = listed.devices.filter(({row}) => row.state !== null).map(({row}) => row.bdf)
  const shown = await Promise.all(
    inside.map(async bdf => [`show-${bdf.replaceAll(':', '-')}`, (await showDevice(kernel, bdf)).text]),
  )
  return {
    list: deviceTable(listed, VIEWED, {shape: 'tree', headings: true}),
    'ide-list': (await listIde(kernel)).text,
    doctor: doctorText(await examineMachine(kernel), true),
    ...Object.fromEntries(shown),
  }
}
