/** A policy as an operator writes it who knows the device: its root certificate, and what a sound one measures. */
import {mkdirSync, writeFileSync} from 'node:fs'
import {createHash} from 'node:crypto'
import {simPolicyText} from '../../../../src/operations/sim-policy.js'
import {rootOf} from './device.js'

const DIRECTORY = '/run/policy'
const sha384 = (bytes: Uint8Array | string): string => createHash('sha384').update(bytes).digest('hex')

/** QEMU's NVMe controller. */
const VENDOR = 0x1b36
const DEVICE = 0x0010

/** Writes the policy for the device `bdf`; `edit` changes its text. Gives its path. */
export function writePolicy(bdf: string, edit: (text: string) => string = text => text): string {
  const root = rootOf(bdf)
  mkdirSync(DIRECTORY, {recursive: true})
  writeFileSync(`${DIRECTORY}/root.der`, root)
  const text = simPolicyText(
    {
      manufacturer: 'Lab',
      root: {der: root, sha384: sha384(root)},
      models: [
        {
          model: 'nvme',
          vendor: VENDOR,
          device: DEVICE,
          identityPrefix: 'Lab:',
          devices: [],
          // what createLabDevice measures
          reference: [
            ...(['rom', 'firmware', 'hw-config', 'fw-config'] as const).map((type, i) => ({
              index: i + 1,
              type,
              digest: sha384(`lab ${type}`),
            })),
            {index: 0x10, type: 'svn', svn: 7},
            {index: 0xfe, type: 'device-mode'},
          ],
        },
      ],
    },
    'root.der',
  )
  const path = `${DIRECTORY}/policy.yaml`
  writeFileSync(path, edit(text))
  return path
}
