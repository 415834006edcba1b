/** No evidence: the kernel has no interface for it (G1n), or one that this version does not understand. */
import type {EvidenceProvider} from './provider.js'

/** A provider that asks nobody and delivers nothing, under the name of what was found. */
export const silent = (kind: EvidenceProvider['kind'], abi: string): EvidenceProvider => ({
  kind,
  abi,
  collect: async () => ({
    provider: kind,
    abi,
    objects: new Map(),
    digests: new Map(),
    generations: null,
    count: null,
    nonceTaken: false,
    unknownAttributes: [],
  }),
  readDigests: async () => ({digests: new Map(), generation: null, count: null}),
  validate: null,
})

/** Guest series without evidence: lock and accept are all there is. */
export const none: EvidenceProvider = silent('none', 'none')
