/** What only the TSM can say, and the link (N066 to N085). */
import {report, sha384} from '../forge.js'
import {zero48, second, third, row, type Row, range} from './row.js'

export const ROWS: readonly Row[] = [
  row('N067 an unknown digest', 'tsm.digest.algo', {
    digests: {
      cert0: new Uint8Array(20),
      vca: new Uint8Array(20),
      measurements: new Uint8Array(20),
      report: new Uint8Array(20),
    },
  }),
  row('N068 another chain than the TSM saw', 'tsm.digest.certs', {digests: {cert0: zero48}}),
  row('N069 another negotiation than the TSM saw', 'tsm.digest.vca', {digests: {vca: zero48}}),
  row('N070 another transcript than the TSM saw', 'tsm.digest.measurements', {digests: {measurements: zero48}}),
  row('N071 another report than the TSM saw', 'tsm.digest.report', {
    report: report([{...range, pages: 3}, second, third]),
    digests: {report: sha384(report())},
  }),
]
