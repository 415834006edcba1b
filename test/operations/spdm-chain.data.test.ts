/** Chains that DMTF's emulator served: of every family of keys, and none of them weak. */
import {readdirSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {judgeChain, readRoots} from '../../src/operations/spdm-chain.js'
import {type Connection, hashNamed, parseCertificateChain} from '../../src/spdm/index.js'
import {bytesOf, dataPath, hasData} from '../spdm/support.js'

const DIRECTORY = 'spdm/emu/chains'
const has = hasData(DIRECTORY)
const chains = has ? readdirSync(dataPath(DIRECTORY)).filter(name => name.endsWith('.chain.bin')) : []
/** Its handshake was with SHA-384, whatever the name leaves out. */
const hashOf = (name: string) => hashNamed(/sha\d+/.exec(name)?.[0] ?? 'sha384')!

describe.skipIf(!has)("chains of DMTF's emulator (shared test data)", () => {
  it.each(chains)('%s holds up to its root, and to no other', async name => {
    const bytes = bytesOf(`${DIRECTORY}/${name}`)
    const hash = hashOf(name)
    const [root] = parseCertificateChain(bytes, hash.size).certificates
    const responder = {flags: {aliasCertCap: false}}
    const connection = {version: 0x12, hash, asym: undefined, responder} as unknown as Connection
    const now = new Date('2026-11-21T00:00:00Z')
    const roots = await readRoots('ca.cert.der', root!.der)
    expect(await judgeChain(bytes, connection, roots, now)).toMatchObject({
      problems: [],
      weaknesses: [],
      anchor: 'ca.cert.der',
    })
    expect(await judgeChain(bytes, connection, [], now)).toMatchObject({problems: [], anchor: null})
  })
})
