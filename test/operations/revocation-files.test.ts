/** Where revocation lists and OCSP responses come from: beside the policy, and from the directory somebody named. */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {readPolicy} from '../../src/operations/read-policy.js'

const NOW = new Date('2026-11-21T00:00:00Z')
let directory: string
let policy: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsmctl-revocation-'))
  policy = join(directory, 'policy.yaml')
  writeFileSync(policy, 'tsmctlPolicy: 1\nname: here\nrules: []\n')
})
afterAll(() => rmSync(directory, {recursive: true}))

const names = (revocation?: string): string[] =>
  readPolicy([policy], NOW, {revocation}).revocation.map(({name}) => name.slice(directory.length + 1))

it('takes what lies beside the policy, and what lies in the directory that was named', () => {
  expect(names()).toEqual([])
  mkdirSync(join(directory, 'revocation'))
  writeFileSync(join(directory, 'revocation', 'acme.crl'), 'a list')
  mkdirSync(join(directory, 'other'))
  writeFileSync(join(directory, 'other', 'answer.der'), 'an answer')
  expect(names()).toEqual(['revocation/acme.crl'])
  expect(names(join(directory, 'other'))).toEqual(['revocation/acme.crl', 'other/answer.der'])
})

it('a directory that was named and is not there makes the policy unusable', () => {
  expect(() => names(join(directory, 'absent'))).toThrow(expect.objectContaining({kind: 'policy'}) as Error)
})
