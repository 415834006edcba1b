/** The certificate chain object of a slot (DSP0274 1.3 §10.7 "Certificate chain format"). */
import {bytes, type Context, layout, NEXT, REST, type Seen, u32} from '../../bits/index.js'

const size = (field: unknown): number => (field as Uint8Array | undefined)?.length ?? 0

/**
 * Context `{hashSize}`: bytes of the negotiated base hash. Length is 16 bits and Reserved up to 1.3, 32 bits since 1.4:
 * read as 32 bits it is the same number as long as Reserved is zero, and cannot fit otherwise.
 */
export const CERTIFICATE_CHAIN = layout(
  {
    id: 'spdm-certificate-chain',
    name: 'Certificate chain',
    spec: 'DSP0274 1.3 §10.7',
    contexts: [{hashSize: 48}, {hashSize: 32}, {hashSize: 64}],
  },
  {
    length: u32(0, 'Length of the whole object', {
      is: (all: Seen, context: Context) => 4 + (context.hashSize ?? 0) + size(all.certificates),
    }),
    rootHash: bytes(NEXT, (_: Seen, context: Context) => context.hashSize ?? 0, 'RootHash: digest of the root'),
    certificates: bytes(NEXT, REST, 'Certificates: DER, back to back, root or first below it to leaf'),
  },
)
