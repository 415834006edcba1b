/** Policies that are wrong, or that say too little or too much about a device (N110, N111). */
import {DOCUMENT, ruleWith} from '../forge.js'
import {row, type Row} from './row.js'

const [RULE] = DOCUMENT.rules
const rules = (...list: readonly object[]): object => ({...DOCUMENT, rules: list})

export const ROWS: readonly Row[] = [
  row('N110 notAfter passed', 'policy.integrity', {}, {...DOCUMENT, notAfter: '2026-11-01T00:00:00Z'}),
  row('N110 an unknown key', 'policy.integrity', {}, {...DOCUMENT, extra: 1}),
  row('N111 zero matching rules', 'policy.selector', {}, rules()),
  row('N111 two matching rules', 'policy.selector', {}, rules(RULE!, {...RULE, id: 'b', match: {class: '0x0108'}})),
  row(
    'N111 a class that overlaps an address',
    'policy.selector',
    {},
    rules({...RULE, match: {class: '0x01'}}, {...RULE, id: 'b', match: {bdf: ['0000:01:00.0']}}),
  ),
  row('N111 two rules that lint sees', 'policy.integrity', {}, rules(RULE!, {...RULE, id: 'b'})),
  row(
    'N111 a rule for another name',
    'policy.selector',
    {},
    ruleWith({match: {vendor: '0x1b36', san: 'ACME:OTHER:*'}}),
  ),
]
