/** `decode spdm` as a user runs it. */
import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {toHex} from '../../src/bits/index.js'
import {encodeDoeObject} from '../../src/pci/index.js'
import {pcap} from '../pcap/files.js'
import {conversation, SECRET} from '../spdm/conversation.js'
import {root, tsmctl, tsmctlJson} from './run.js'

const objects = conversation().map(({secured, payload}) => encodeDoeObject({vendor: 1, type: secured ? 2 : 1, payload}))
const file = pcap(objects.map(bytes => ({bytes})))
const directory = mkdtempSync(join(tmpdir(), 'tsmctl-decode-spdm-'))
const path = join(directory, 'session.pcap')
writeFileSync(path, file)
afterAll(() => rmSync(directory, {recursive: true}))

describe.skipIf(!existsSync(join(root, 'dist')))('decode spdm (needs a build)', () => {
  it('takes a capture from standard input, with and without the secret', () => {
    const closed = tsmctlJson(['decode', 'spdm'], {input: file})
    expect(closed).toMatchObject({code: 0, json: {data: {summary: {encrypted: 12}}}})
    const open = tsmctlJson(['decode', 'spdm', path, '--dhe-secret', toHex(SECRET)])
    expect(open).toMatchObject({code: 0, json: {data: {summary: {encrypted: 0, hmacs: {valid: 2}}}}})
  })

  it('takes a message in hexadecimal from standard input', () => {
    expect(tsmctlJson(['decode', 'spdm'], {input: '127f 0100\n'}).json.data.message).toBe('ERROR')
  })

  it.each([
    ['a secret that is none', [path, '--dhe-secret', 'zz'], 2],
    ['a capture option for one message', ['--hex', '127f0100', '--full'], 2],
    ['a context that does not exist', [path, '--context', 'hash=1'], 2],
    ['bytes that are no message', ['--hex', '00'], 5],
  ])('%s: exit code', (_, args, code) => {
    expect(tsmctl(['decode', 'spdm', ...args]).code).toBe(code)
  })

  it('a secret that cannot be used is not repeated', () => {
    const {out, err} = tsmctl(['decode', 'spdm', path, '--psk', '5ec2e7x'])
    expect(out + err).not.toContain('5ec2e7x')
  })
})
