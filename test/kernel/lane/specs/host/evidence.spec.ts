/**
 * Evidence that a host-side TSM collected over real DOE, judged by tsmctl's own decoders. The kernel judges no
 * certificate and no signature: it connects whoever answers.
 */
import {readFileSync} from 'node:fs'
import {afterEach, beforeAll, describe, expect, it} from 'vitest'
import {concat} from '../../../../../src/bits/index.js'
import {connect} from '../../../../../src/operations/connect.js'
import {disconnect} from '../../../../../src/operations/disconnect.js'
import {
  digestOf,
  loadCertificateReader,
  parseCertificateChain,
  parseMeasurements,
  parseVcaPrefix,
  pathProblems,
  verifySignature,
} from '../../../../../src/spdm/index.js'
import {recordsOf} from '../../../../spdm/records.js'
import type {DeviceControl} from '../../control.js'
import {describeDevice, rootOf} from '../../guest/device.js'
import {connectPlainly, failureOf, kernel, useHost} from '../../guest/host.js'
import {attribute, ENDPOINTS, linkTsm, modelHardware, setParameter, streamLinks} from '../../guest/machine.js'

const [DEVICE] = ENDPOINTS
const EVIDENCE = `/sys/kernel/debug/tsmtest/${DEVICE}`
const {certificateFacts} = await loadCertificateReader()

beforeAll(() => {
  modelHardware({notee: ['0000:41:00.0']})
  linkTsm()
})
useHost()
afterEach(() => describeDevice(DEVICE, {}))

/** What tsmctl finds of the evidence in debugfs. */
function judged() {
  const [transcript, certs, measurements] = ['transcript', 'certs', 'measurements'].map(
    name => new Uint8Array(readFileSync(`${EVIDENCE}/${name}`)),
  ) as [Uint8Array, Uint8Array, Uint8Array]
  const records = recordsOf(transcript)
  const vca = parseVcaPrefix(concat(...records.slice(0, 6)))
  const {asym, hash, measurementHash} = vca
  const facts = parseMeasurements(measurements, {asym: asym!, measurementHash, vca})
  const chain = parseCertificateChain(certs, hash!.size)
  const [root, ...rest] = chain.certificates.map(({der}) => certificateFacts(der))
  const {status} = verifySignature(
    {
      version: facts.version,
      context: 'responder-measurements signing',
      hash: hash!,
      asym: asym!,
      transcript: facts.transcript!,
    },
    rest.at(-1)!.spki,
    facts.signature!,
  )
  const anchor = digestOf(hash!, rootOf(DEVICE))
  return {
    signature: status,
    path: pathProblems([root!, ...rest]).map(({kind}) => kind),
    isOwnRoot: Buffer.compare(chain.rootHash, anchor) === 0,
    problems: facts.problems,
    blocks: facts.exchanges.at(-1)!.response.blocks.length,
    coversVca: facts.coversVca,
  }
}

const SOUND = {signature: 'valid', path: [], isOwnRoot: true, problems: [], coversVca: true}

describe('evidence of a connected device', () => {
  it.each([
    ['that is sound', {}, {}],
    ['whose signature is of another key', {badSignature: true}, {signature: 'invalid'}],
    ['whose leaf nobody issued', {chain: 'foreign-leaf'}, {path: expect.arrayContaining(['signature'])}],
  ] as [string, DeviceControl, object][])('%s', async (_, control, difference) => {
    describeDevice(DEVICE, control)
    connectPlainly(DEVICE)
    const {blocks, ...found} = judged()
    expect(blocks).toBeGreaterThan(0)
    expect(found).toEqual({...SOUND, ...difference})
  })
})

describe('a device that', () => {
  it('answers with an SPDM error is not connected', async () => {
    describeDevice(DEVICE, {mischief: [{at: 'GET_CERTIFICATE', do: 'busy'}]})
    const error = await failureOf(connect(kernel, DEVICE))
    expect(error).toMatchObject({exitCode: 12, details: {errno: 'EPROTO'}})
    expect([attribute(DEVICE, 'tsm/connect'), streamLinks('pci0000:00')]).toEqual(['', []])
    describeDevice(DEVICE, {})
    expect(await connect(kernel, DEVICE)).toMatchObject({changed: true, failure: null})
  })

  it('is mute for longer than the kernel would wait is connected all the same: the processor waits with it', async () => {
    describeDevice(DEVICE, {mischief: [{at: 'GET_MEASUREMENTS', do: 'pause', milliseconds: 1050}]})
    expect(await connect(kernel, DEVICE)).toMatchObject({changed: true, failure: null})
  })

  it('is used by a guest is not disconnected, unless by force', async () => {
    connectPlainly(DEVICE)
    setParameter('tsmtest_link', 'ctl', `bind ${DEVICE} 1`)
    expect(attribute(DEVICE, 'tsm/bound')).toBe('tsm0')
    const error = await failureOf(disconnect(kernel, DEVICE))
    expect(error).toMatchObject({exitCode: 8, details: {bound: [DEVICE]}})
    expect(error.message).toContain(`${DEVICE} (bound by tsm0)`)
    expect(attribute(DEVICE, 'tsm/connect')).toBe('tsm0')
    expect(await disconnect(kernel, DEVICE, {force: true})).toMatchObject({changed: true, failure: null})
    expect([attribute(DEVICE, 'tsm/bound'), attribute(DEVICE, 'tsm/connect')]).toEqual(['', ''])
  })
})
