/** Small steps that guests and hosts share when a machine is made. */
import type {MsixSpec} from './kinds.js'
import type {PlacedBar} from './resources.js'

/** MSI-X of a kind, if its BARs have room for table and PBA. */
export function msixIn(bars: readonly PlacedBar[], msix: MsixSpec): MsixSpec | undefined {
  const fits = (bar: number, offset: number): boolean => bars.some(one => one.bar === bar && one.size > offset)
  return fits(msix.tableBar, msix.tableOffset) && fits(msix.pbaBar, msix.pbaOffset) ? msix : undefined
}

type Defined<T> = {[K in keyof T]?: Exclude<T[K], undefined>}

export const withoutUndefined = <T extends object>(given: T): Defined<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>
