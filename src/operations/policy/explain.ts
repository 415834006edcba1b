/** `policy explain`: a policy as sentences. */
import {explainPolicy, type Policy, type PolicyExplanation, requireUsable} from '../../appraisal/index.js'
import {quoted, TsmctlError} from '../../errors.js'

/** The policy in words, or one rule of it. Throws TsmctlError `policy` for an unusable one, `not-found` for the rule. */
export function explainGiven(policy: Policy, rule: string | undefined): PolicyExplanation {
  requireUsable(policy)
  const explanation = explainPolicy(policy, rule)
  if (rule === undefined || explanation.rules.length > 0) return explanation
  throw new TsmctlError({
    kind: 'not-found',
    attempted: `explain rule ${quoted(rule)}`,
    got: 'the policy has no such rule',
    hint: `Its rules are ${policy.document.rules.map(({id}) => id).join(', ') || 'none'}.`,
  })
}

const WIDTH = 100

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** `text` behind `by` and its own blanks, what does not fit below it a little further in. */
function indented(text: string, by: string): readonly string[] {
  const depth = by + (/^ */.exec(text)?.[0] ?? '')
  return wrapped(text.trimStart(), WIDTH - depth.length - 2).map((line, i) => `${depth}${i === 0 ? '' : '  '}${line}`)
}

export function explanationText({lines, rules}: PolicyExplanation): string {
  return [
    ...lines.flatMap(line => indented(line, '')),
    ...rules.flatMap(({id, lines: said, relaxations}) => [
      '',
      `Rule ${id}`,
      ...said.flatMap(line => indented(line, '  ')),
      ...(relaxations.length === 0
        ? ['  It relaxes nothing.']
        : [
            '  It relaxes, and this is what it costs:',
            ...relaxations.flatMap(({key, cost}) => indented(`~ ${key}: ${cost}`, '    ')),
          ]),
    ]),
    '',
  ].join('\n')
}
