/** JSON Schemas of evidence bundles at rest. */
import {toJsonSchema} from '@valibot/to-json-schema'
import {BUNDLE_TYPE, LABELS} from '../src/evidence/index.js'
import {MANIFEST} from '../src/evidence/schemas.js'
import {MANIFEST_TYPE} from '../src/evidence/serialize.js'

/** What a manifest may say: nothing else, so it stays closed. */
export const manifestSchema = (): string =>
  `${JSON.stringify(
    {
      $id: 'tag:github.com,2026:tsmctl/evidence-manifest/1',
      title: 'Manifest of an evidence bundle of tsmctl',
      description: 'The evidence digest D is SHA-384 of its canonical form (RFC 8785).',
      ...toJsonSchema(MANIFEST, {errorMode: 'ignore'}),
    },
    null,
    2,
  )}\n`

const record = (mediaType: object) => ({
  type: 'array',
  prefixItems: [
    mediaType,
    {type: 'string', pattern: '^[A-Za-z0-9_-]*$', description: 'base64url, no padding'},
    {const: 4},
  ],
  minItems: 3,
  maxItems: 3,
})

/** The JSON form of a bundle: a CMW collection. */
export function bundleSchema(): string {
  return `${JSON.stringify(
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: BUNDLE_TYPE,
      title: 'Evidence bundle of tsmctl in JSON',
      description: 'Every record but the manifest is listed in the manifest, once, with its length and SHA-384.',
      type: 'object',
      required: ['__cmwc_t', 'manifest'],
      additionalProperties: false,
      properties: {
        __cmwc_t: {const: BUNDLE_TYPE},
        manifest: record({const: MANIFEST_TYPE}),
        ...Object.fromEntries(LABELS.map(label => [label, record({type: 'string'})])),
      },
    },
    null,
    2,
  )}\n`
}
