/** Text for panes: lines of spans with a tone. A tone may become a colour; the words always say the same without it. */

export type Tone = 'plain' | 'title' | 'quiet' | 'fail' | 'relaxed' | 'unproven' | 'ok'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

export type Line = readonly Span[]

export const span = (text: string, tone: Tone = 'plain'): Span => ({text, tone})
export const line = (text: string, tone: Tone = 'plain'): Line => [span(text, tone)]
export const BLANK: Line = []

export const textOf = (of: Line): string => of.map(({text}) => text).join('')

/** `text` in lines of at most `width` characters, broken at blanks where there are any; digests are cut hard. */
export function wrapText(text: string, width: number): string[] {
  const room = Math.max(1, width)
  const out: string[] = []
  let current = ''
  for (const word of text.split(' ')) {
    let rest = word
    if (current !== '' && current.length + 1 + rest.length <= room) {
      current += ` ${rest}`
      continue
    }
    if (current !== '') out.push(current)
    while (rest.length > room) {
      out.push(rest.slice(0, room))
      rest = rest.slice(room)
    }
    current = rest
  }
  out.push(current)
  return out
}

/** `lead`, then `text`: beside it where that leaves half of the width, with a hanging indent; else below it. */
export function paragraph(lead: readonly Span[], text: string, width: number, tone: Tone = 'plain'): Line[] {
  const used = textOf(lead).length
  if (used > width / 2) return [lead, ...indented(text, width, 2, tone)]
  const [head = '', ...others] = wrapText(text, width - used)
  return [[...lead, span(head, tone)], ...others.map(part => line(' '.repeat(used) + part, tone))]
}

/** Text in lines of its own, `indent` blanks before each. */
export const indented = (text: string, width: number, indent: number, tone: Tone = 'plain'): Line[] =>
  wrapText(text, width - indent).map(part => line(' '.repeat(indent) + part, tone))

/** `name  value`, the value wrapped beside its name. */
export const pair = (name: string, value: string, width: number, tone: Tone = 'plain'): Line[] =>
  paragraph([span(name.padEnd(13), 'quiet')], value, width, tone)
