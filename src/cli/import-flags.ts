/** How the commands that read evidence of others are told what its bytes do not say. */
import {Flags} from '@oclif/core'
import {toHex} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {isUserDirectory, type Kernel, readUserDirectory, readUserFile} from '../kernel/index.js'
import {IMPORT_FORMATS, type ImportedItem, type ImportFormat, importItems} from '../operations/import-evidence.js'

export const importFlags = {
  certificates: Flags.string({description: 'PEM certificates of raw evidence'}),
  nonce: Flags.string({description: 'nonce that was sent for the evidence of a file, 64 hexadecimal digits'}),
  hash: Flags.string({description: 'negotiated hash of evidence without negotiation', default: 'sha384'}),
  asym: Flags.string({
    description: 'negotiated signature algorithm of evidence without negotiation',
    default: 'ecdsa-p384',
  }),
  format: Flags.option({
    description: 'form of the evidence, if not told by its content',
    options: ['auto', ...IMPORT_FORMATS] as const,
    default: 'auto' as const,
  })(),
  item: Flags.integer({description: 'which device, where a file has several, from 1', min: 1}),
}

export interface ImportChoices {
  readonly certificates?: string | undefined
  readonly nonce?: string | undefined
  readonly hash: string
  readonly asym: string
  readonly format: ImportFormat | 'auto'
}

/** Every device's evidence in the file or directory at `path`. */
export function importPath(
  path: string,
  {certificates, format, nonce, hash, asym}: ImportChoices,
  kernel: Kernel,
  tool: string,
): Promise<readonly ImportedItem[]> {
  return importItems(isUserDirectory(path) ? readUserDirectory(path) : readUserFile(path), {
    hash,
    asym,
    nonce: nonce === undefined ? undefined : nonceOf(nonce),
    certificates: certificates === undefined ? undefined : Buffer.from(readUserFile(certificates)).toString('latin1'),
    format: format === 'auto' ? undefined : format,
    collectedAt: kernel.now().toISOString(),
    newId: () => toHex(kernel.random(16)),
    tool,
    source: basename(path),
  })
}

function nonceOf(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase()
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'use the nonce',
    got: 'not 32 bytes in hexadecimal',
    hint: 'It is the nonce of the GET_MEASUREMENTS request, for example --nonce "$(xxd -p -c 32 nonce)".',
  })
}

/** The last part of a path: where a file lies is nobody's business but its owner's. */
const basename = (path: string): string => (path.split('/').findLast(part => part !== '') ?? path).slice(0, 128)
