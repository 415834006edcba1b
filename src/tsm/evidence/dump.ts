/**
 * One dump of evidence, repeated as the families ask for it, and refusals in words. The rules of a receiver: a dump that
 * was disturbed is worth nothing and is asked for again as a whole, a bounded number of times.
 */
import {errnoOf, ErrnoError, harmless, TsmctlError} from '../../errors.js'
import {type Attribute, encodeAttributes, type Kernel, type NetlinkRequest, u32Attribute} from '../../kernel/index.js'
import {assemble, type Assembled, type ReplyAttributes} from './assemble.js'
import type {EvidenceProvider} from './provider.js'

/** How one family is asked. */
export interface Family {
  readonly name: string
  readonly version: number
  readonly read: number
  readonly request: {readonly typeMask: number; readonly flags: number; readonly nonce: number}
  readonly reply: ReplyAttributes
  readonly allTypes: number
  readonly digestFlag: number
  /** Attributes that name the device. */
  device(bdf: string): readonly Attribute[]
}

const RESTARTS = 5
/** Regenerated while it was read, interrupted by a signal that was not ours, or a receive buffer that overran. */
const DISTURBED: ReadonlySet<string> = new Set(['EAGAIN', 'EINTR', 'ENOBUFS', 'ESTALE'])

export const requestOf = (
  {name, version}: Pick<Family, 'name' | 'version'>,
  command: number,
  attributes: readonly Attribute[],
): NetlinkRequest => ({family: name, version, command, attributes: encodeAttributes(attributes)})

async function dump(
  kernel: Kernel,
  family: Family,
  bdf: string,
  {flags, nonce}: {readonly flags: number; readonly nonce?: Uint8Array | undefined},
  signal: AbortSignal | undefined,
): Promise<Assembled> {
  const request = requestOf(family, family.read, [
    u32Attribute(family.request.typeMask, family.allTypes),
    u32Attribute(family.request.flags, flags),
    ...family.device(bdf),
    ...(nonce === undefined ? [] : [{type: family.request.nonce, value: nonce}]),
  ])
  for (let restarts = 0; ; restarts++) {
    try {
      // one after the other: each repeats the one before
      // oxlint-disable-next-line no-await-in-loop
      return assemble(await kernel.netlinkDump(request, signal), family.allTypes, family.reply)
    } catch (error) {
      const again = DISTURBED.has(errnoOf(error) ?? '') && !signal?.aborted && restarts < RESTARTS
      if (!again) throw error
    }
  }
}

/** All digests as they are now. */
async function dumpDigests(
  kernel: Kernel,
  family: Family,
  bdf: string,
  signal: AbortSignal | undefined,
): Promise<Assembled> {
  try {
    return await dump(kernel, family, bdf, {flags: family.digestFlag}, signal)
  } catch (error) {
    throw explained(error, `read evidence digests of ${bdf}`, bdf)
  }
}

/** All objects, refreshed with `nonce` where the provider can; `nonceTaken` says whether it did not refuse. */
async function dumpObjects(
  kernel: Kernel,
  family: Family,
  bdf: string,
  nonce: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Assembled & {readonly nonceTaken: boolean}> {
  try {
    try {
      return {...(await dump(kernel, family, bdf, {flags: 0, nonce}, signal)), nonceTaken: true}
    } catch (error) {
      if (errnoOf(error) !== 'EOPNOTSUPP') throw error
      // evidence that cannot be refreshed is still worth looking at: freshness fails in the appraisal
      return {...(await dump(kernel, family, bdf, {flags: 0}, signal)), nonceTaken: false}
    }
  } catch (error) {
    throw explained(error, `read evidence of ${bdf}`, bdf)
  }
}

/** The provider that asks `family`: one dump of the objects, one of their digests, nothing remembered. */
export function providerOf(
  kind: EvidenceProvider['kind'],
  family: Family,
  validate: EvidenceProvider['validate'],
): EvidenceProvider {
  const abi = `${family.name}/${family.version}`
  const hasGenerations = family.reply.announced !== undefined
  return {
    kind,
    abi,
    async collect(kernel, bdf, nonce, signal) {
      const data = await dumpObjects(kernel, family, bdf, nonce, signal)
      const digests = await dumpDigests(kernel, family, bdf, signal)
      return {
        provider: kind,
        abi,
        objects: data.objects,
        digests: digests.objects,
        generations: hasGenerations ? [...data.generations, ...digests.generations] : null,
        count: digests.count,
        nonceTaken: data.nonceTaken,
        unknownAttributes: [...new Set([...data.unknownAttributes, ...digests.unknownAttributes])],
      }
    },
    async readDigests(kernel, bdf, signal) {
      const {objects, generations, count} = await dumpDigests(kernel, family, bdf, signal)
      // several at once are none that could be the reviewed one
      return {digests: objects, generation: generations.length === 1 ? generations[0]! : null, count}
    },
    validate,
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'The kernel no longer has this evidence interface: its module may have been removed.',
  EPERM: 'Reading evidence needs CAP_NET_ADMIN: run as root.',
  ENXIO: 'Evidence exists only while the TDI is locked: run tsmctl lock first.',
  ENODEV: 'The device, its TSM or its evidence vanished; tsmctl list shows what is there now.',
  EINVAL: 'The kernel does not understand the request: it may have another version of this interface.',
  EOPNOTSUPP: 'The kernel has no evidence of PCI devices here: look at what TSM it has with tsmctl doctor.',
  EAGAIN: 'The evidence kept changing while it was read; somebody else may be using the device.',
  ESTALE: 'Somebody refreshed the evidence after it was reviewed: collect and verify again.',
  ENOBUFS: 'The kernel sends faster than it is read: try again when the machine is less busy.',
}

/** A refusal of the kernel with what was attempted and what to do; anything else as it is. */
export function explained(error: unknown, attempted: string, bdf: string): unknown {
  if (!(error instanceof ErrnoError)) return error
  return new TsmctlError({
    kind: error.errno === 'ENOENT' ? 'unsupported' : error.kind,
    attempted,
    subject: bdf,
    got: error.got === undefined ? undefined : harmless(error.got),
    hint: error.kind === 'unsupported' && error.hint !== undefined ? error.hint : HINTS[error.errno],
    details: {errno: error.errno},
    cause: error,
  })
}
