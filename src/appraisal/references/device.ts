/** Whose reference values are looked for, and when: what decides which values apply. */
import type {CertificateFacts, TcbInfo, ValidityMode} from '../../spdm/index.js'

export interface DeviceFacts {
  /** Manufacturer and product of the verified leaf; undefined where nothing verified says. */
  readonly model: {readonly vendor: string; readonly model: string} | undefined
  /** SHA-384 of its certificates, hexadecimal. */
  readonly certificates: ReadonlySet<string>
  /** Every DICE layer its certificates describe. */
  readonly layers: readonly TcbInfo[]
}

/** Facts of the device with this chain, which verified up to a pinned anchor. */
export function deviceOf(chain: readonly CertificateFacts[] = []): DeviceFacts {
  const info = chain.at(-1)?.deviceInfo
  return {
    model: info && {vendor: info.manufacturer, model: info.product},
    certificates: new Set(chain.map(({sha384}) => sha384)),
    layers: chain.flatMap(({dice}) => dice.flatMap(({content}) => (content.kind === 'tcb-info' ? content.infos : []))),
  }
}

/** Times by which signatures and manifests are valid. */
export interface Moment {
  readonly now: Date
  /** When this tool was built: the present is later, whatever a clock says. */
  readonly built: Date
  readonly floor: Date | undefined
  readonly mode: ValidityMode
}

const latest = (...dates: readonly (Date | undefined)[]): number => Math.max(...dates.map(date => date?.getTime() ?? 0))

/** Why something is not valid at this moment, or undefined. Bounds are RFC 3339. */
export function outOfTime(
  {now, built, floor, mode}: Moment,
  {notBefore, notAfter}: {readonly notBefore: string | null; readonly notAfter: string},
): string | undefined {
  const moment = mode === 'floor-only' ? latest(built, floor) : latest(now, built, floor)
  if (Date.parse(notAfter) < moment) return `not valid after ${notAfter.slice(0, 10)}`
  return mode !== 'floor-only' && notBefore !== null && Date.parse(notBefore) > now.getTime()
    ? `not valid before ${notBefore.slice(0, 10)}`
    : undefined
}
