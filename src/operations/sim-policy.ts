/**
 * A policy for a simulated machine, as an operator would write it from what the vendor publishes: the root to anchor in
 * and the reference values of each model. What the simulated platform cannot state is listed as an allowed skip, so that
 * the verdict keeps saying what was not proven.
 */
import {hex} from '../bits/index.js'
import type {Publications, ReferenceValue} from '../sim/index.js'

/** Checks that no simulated machine can answer, with the reason they are skipped for. */
const NOT_STATED: readonly (readonly [check: string, because: string])[] = [
  ['acq.time.trusted', 'clock-untrusted'],
  ['spdm.chain.validity', 'clock-untrusted'],
  ['spdm.vca.match-session', 'no-tsm-support'],
  ['spdm.id.san-cma', 'absent-in-device'],
  ['spdm.id.pci-match', 'absent-in-device'],
  ['spdm.dice.parse', 'absent-in-device'],
  ['spdm.dice.flags', 'absent-in-device'],
  ['spdm.dice.fwid', 'absent-in-device'],
  ['spdm.dice.svn', 'absent-in-device'],
  ['tsm.digest.fresh', 'no-tsm-support'],
  ['tsm.session.bound', 'no-tsm-support'],
  ['tsm.session.pubkey', 'no-tsm-support'],
  ['tsm.lock.flags', 'no-tsm-support'],
  ['tsm.lock.epoch', 'no-tsm-support'],
  ['tsm.report.counter', 'no-tsm-support'],
  ['tdisp.interface.id', 'no-tsm-support'],
  ['pci.sriov.stable', 'no-kernel-support'],
  ['commit.mmio-validated', 'no-kernel-support'],
]

const quote = (text: string): string => JSON.stringify(text)

function valueLine({index, type, digest, raw, svn}: ReferenceValue): string {
  // how the device runs is judged by checks of its own (device mode, debug), not by comparing bytes
  const value =
    type === 'device-mode'
      ? 'informational: true'
      : digest !== undefined
        ? `digests: [${quote(`sha384:${digest}`)}]`
        : raw !== undefined
          ? `raw: [${quote(raw)}]`
          : svn !== undefined
            ? `svn: {min: ${svn}}`
            : 'informational: true'
  return `        - {index: ${index}, type: ${type}, ${value}}`
}

const ruleLines = ({model, vendor, device, identityPrefix, reference}: Publications['models'][number]): string[] => [
  `  - id: ${model.toLowerCase()}`,
  `    description: any ${model} of this vendor that measures what the vendor published`,
  `    match: {vendor: ${quote(hex(vendor, 4))}, device: [${quote(hex(device, 4))}], san: ${quote(`${identityPrefix}*`)}}`,
  '    decision: accept',
  '    anchors: [vendor]',
  '    allowSkip:',
  ...NOT_STATED.map(([check, because]) => `      - {check: ${check}, because: ${because}}`),
  '    spdm: {minVersion: "1.2", hash: [sha384], asym: [ecdsa-p384], slot: 0}',
  '    identity: {mode: any-from-anchor}',
  '    measurements:',
  '      source: inline',
  '      values:',
  ...reference.map(valueLine),
  '    tsm: {digests: require, platformAttestation: if-available, ide: not-required, ideErrata: ignore}',
  '    revocation: {mode: local-only}',
  '    time: {validity: device}',
  '    human: none',
]

/** Text of the policy file. `rootFile` is the vendor's root certificate beside it. */
export const simPolicyText = ({manufacturer, root, models}: Publications, rootFile: string): string =>
  [
    '# Written by "tsmctl sim create" from what the simulated vendor publishes. Edit it and try again.',
    'tsmctlPolicy: 1',
    'name: simulated-machine',
    'anchors:',
    `  vendor: [{label: ${quote(`${manufacturer} device root`)}, certSha384: ${quote(`sha384:${root.sha384}`)}, file: ${rootFile}}]`,
    'rules:',
    ...models.flatMap(ruleLines),
    '',
  ].join('\n')
