/** The emulated devices as a spec sees them: what they shall be, and what they say to somebody who goes past the kernel. */
import {existsSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import type {PciFacts} from '../../../../src/evidence/index.js'
import type {Kernel} from '../../../../src/kernel/index.js'
import {CMA_SPDM, doeInstances, ridOf} from '../../../../src/pci/index.js'
import {buildReport} from '../../../../src/sim/report.js'
import {
  PCI_SIG_VENDOR,
  SPDM_VERSION,
  STANDARD_ID,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
} from '../../../../src/spdm/index.js'
import {INTERFACE_REPORT, TdispClient} from '../../../../src/tdisp/index.js'
import type {DeviceControl, ReportedRange} from '../control.js'

const CONTROL = '/mnt/control'

/** From now on the device is so, and otherwise sound. */
export const describeDevice = (bdf: string, control: DeviceControl): void =>
  writeFileSync(`${CONTROL}/${bdf}.json`, JSON.stringify(control))

/** DER of the device's trust anchor. */
export const rootOf = (bdf: string): Uint8Array => new Uint8Array(readFileSync(`${CONTROL}/${bdf}.root.der`))

/** The requests the device heard since `forgetHeard`, by name. */
export const heardBy = (bdf: string): readonly string[] =>
  existsSync(`${CONTROL}/${bdf}.heard`) ? readFileSync(`${CONTROL}/${bdf}.heard`, 'utf8').split('\n').slice(0, -1) : []

export const forgetHeard = (bdf: string): void => rmSync(`${CONTROL}/${bdf}.heard`, {force: true})

/** What a sound device reports that is wired into this machine as `facts` say: all of its memory BARs. */
export function interfaceOf({bars, msix}: PciFacts): {
  readonly ranges: readonly ReportedRange[]
  readonly msixEntries: number
} {
  if (msix === 'unknown') throw new Error('configuration space could not be read')
  const report = buildReport({
    bars: bars
      .filter(({kind}) => kind.startsWith('memory'))
      .map(({index, size, address, kind, prefetchable}) => ({
        bar: index,
        size: Number(size),
        address: BigInt(address),
        kind: kind === 'memory64' ? 'mem64' : 'mem32',
        prefetchable,
      })),
    msix:
      msix === null
        ? undefined
        : {
            ...msix,
            entries: msix.tableSize,
            tableOffset: Number(msix.tableOffset),
            pbaOffset: Number(msix.pbaOffset),
          },
    ranges: undefined,
    flags: [],
    offset: 0n,
  })
  const ranges = INTERFACE_REPORT.decode(report).mmioRanges.map(({firstPage, pages, rangeId, msixTable, msixPba}) => ({
    firstPage: Number(firstPage),
    pages,
    rangeId,
    msixTable,
    msixPba,
  }))
  return {ranges, msixEntries: msix?.tableSize ?? 0}
}

/**
 * Asks the TDI itself, in the connection that the TSM has with the device: what nobody but a test may do, as the mailbox
 * is the kernel's.
 */
export function tdiOf(kernel: Kernel, bdf: string): TdispClient {
  const [mailbox] = doeInstances(kernel, bdf)
  const spdmVersion = SPDM_VERSION['1.2']
  return new TdispClient({
    tdi: {requesterId: ridOf(bdf)},
    async send(payload) {
      const {payload: answer} = await mailbox!.exchange({
        ...CMA_SPDM,
        payload: VENDOR_DEFINED_REQUEST.encode({
          spdmVersion,
          standardId: STANDARD_ID['PCI-SIG'],
          vendorId: PCI_SIG_VENDOR,
          payload,
        }),
      })
      // an object counts dwords: up to three bytes follow the message
      const data = new DataView(answer.buffer, answer.byteOffset, answer.byteLength)
      return VENDOR_DEFINED_RESPONSE.read(data, 0, answer.length, {version: spdmVersion}).value.payload
    },
  })
}
