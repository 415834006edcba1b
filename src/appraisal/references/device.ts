/** Whose reference values are looked for, and when: what decides which values apply. */
import type {CertificateFacts, TcbInfo, ValidityMode} from '../../spdm/index.js'

export interface DeviceFacts {
  /** Certificates of the device, root first; undefined unless the path to a pinned anchor verified. */
  readonly chain: readonly CertificateFacts[] | undefined
}

/** Manufacturer and product of the verified leaf. */
export function modelOf({chain}: DeviceFacts): {readonly vendor: string; readonly model: string} | undefined {
  const info = chain?.at(-1)?.deviceInfo
  return info && {vendor: info.manufacturer, model: info.product}
}

/** Every DICE layer the verified certificates describe. */
export const layersOf = ({chain}: DeviceFacts): readonly TcbInfo[] =>
  (chain ?? []).flatMap(({dice}) => dice.flatMap(({content}) => (content.kind === 'tcb-info' ? content.infos : [])))

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
