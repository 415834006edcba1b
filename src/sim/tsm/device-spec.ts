/** What the device behind a function is: the one description from which every simulated device is made. */
import {INTERFACE_REPORT, type LockFlag} from '../../tdisp/index.js'
import {fromBase64} from '../base64.js'
import type {KmPortSpec, TdiSpec} from '../dsm/index.js'
import type {Dsm} from '../machine.js'
import {movedRanges} from '../report.js'
import {deviceOptions, sessionOptions} from '../responder.js'
import type {DeviceSpec} from './device-end.js'

type Interface = Pick<Dsm, 'interfaceId' | 'mmioReportingOffset' | 'report'>

export interface DeviceParts {
  /** Keys, chain and measurements; who only goes on with the sessions there are needs to know no more than their hash. */
  readonly identity: Dsm | Pick<Dsm, 'hash'>
  readonly interfaces: readonly Interface[]
  readonly ports: readonly KmPortSpec[]
  readonly random: (length: number) => Uint8Array
}

const PAGE = 4096n
const ADDRESS_BITS = 52

/** The interface as it is before a lock: its report with the offset of the lock taken back. */
export function tdiOf({interfaceId, mmioReportingOffset, report: bytes}: Interface): TdiSpec {
  const report = INTERFACE_REPORT.decode(fromBase64(bytes))
  const shift = BigInt(mmioReportingOffset) / PAGE
  return {
    // FUNCTION_ID: the function as its host sees it, which is not where a guest has it
    address: {requesterId: interfaceId},
    report: {
      noFwUpdate: report.noFwUpdate,
      dmaWithoutPasid: report.dmaWithoutPasid,
      dmaWithPasid: report.dmaWithPasid,
      atsSupported: report.atsSupported,
      prsSupported: report.prsSupported,
      msixTableSize: report.msixTableSize,
      msixReserved: report.msixReserved,
      msixFunctionMask: report.msixFunctionMask,
      msixEnable: report.msixEnable,
      lnrControl: report.lnrControl,
      tphControl: report.tphControl,
      deviceSpecificInfo: report.deviceSpecificInfo,
    },
    ranges: movedRanges(report, -shift),
  }
}

/** A device lets its firmware be fixed in place if its report says so. */
const lockFlagsOf = (tdis: readonly TdiSpec[]): LockFlag[] => [
  ...(tdis.every(({report}) => report.noFwUpdate === true) ? (['noFwUpdate'] as const) : []),
  'lockMsix',
]

export function deviceSpec({identity, interfaces, ports, random}: DeviceParts): DeviceSpec {
  const tdis = interfaces.map(tdiOf)
  return {
    responder: 'key' in identity ? deviceOptions(identity, random) : sessionOptions(identity.hash, random),
    dsm: {
      ports,
      tdisp: {
        tdis,
        lockFlags: lockFlagsOf(tdis),
        devAddrWidth: ADDRESS_BITS,
        numReqThis: 1,
        numReqAll: Math.max(1, tdis.length),
        random,
      },
    },
  }
}
