/** Which function speaks for a device. Linux drivers/pci/tsm.c: the DSM of a function is function 0 of its slot. */
import {type Bdf, bdfParts, formatBdf} from '../pci/index.js'

/**
 * The function whose DSM manages `bdf`, as the slot tells: function 0, of the physical function's slot for a VF. A
 * function behind a connected switch may also belong to that switch's upstream port; only the kernel's `tsm/dsm` says.
 */
export const dsmOf = (bdf: Bdf, physfn?: Bdf): Bdf => formatBdf({...bdfParts(physfn ?? bdf), fn: 0})
