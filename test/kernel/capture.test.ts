import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {type Capture, type CaptureNode, formatCapture, parseCapture} from '../../src/kernel/index.js'

const HEAD = '"format":"tsmctl-capture-1","label":"x","kernel":""'
const withTree = (tree: string, more = ''): string => `{${HEAD},"tree":{${tree}}${more}}`
const withExchange = (exchange: string): string => withTree('', `,"exchanges":[${exchange}]`)

function refusal(text: string | Uint8Array): TsmctlError {
  try {
    parseCapture(text)
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
  return expect.unreachable('the capture was accepted')
}

it('whatever stands in a name, the text of a capture is printable', () => {
  const name = 'gnp\u202e\u009b2J\u007f\u{1f600}'
  const nodes = new Map<string, CaptureNode>([[`/${name}`, {type: 'link', target: name}]])
  const text = formatCapture({label: name, kernel: name, nodes, exchanges: []})
  expect(text).toMatch(/^[\x20-\x7e\n]*$/)
  expect(parseCapture(text)).toEqual({label: name, kernel: name, nodes, exchanges: []})
})

describe('a node', () => {
  const cases: readonly [string, CaptureNode][] = [
    ['["d","755"]', {type: 'directory', mode: 0o755}],
    ['["d","755","partial"]', {type: 'directory', mode: 0o755, listing: 'partial'}],
    ['["d","700","EACCES"]', {type: 'directory', mode: 0o700, listing: 'EACCES'}],
    ['["l","../../b"]', {type: 'link', target: '../../b'}],
    ['["f","444","0x8086\\n"]', {type: 'file', mode: 0o444, content: new Uint8Array(Buffer.from('0x8086\n'))}],
    ['["f","200",null]', {type: 'file', mode: 0o200, content: null}],
    ['["b","644","AP8="]', {type: 'file', mode: 0o644, content: Uint8Array.of(0, 255)}],
    ['["e","644","EINVAL"]', {type: 'error', mode: 0o644, errno: 'EINVAL'}],
    [
      '["p","644",4096,[[0,"AP8="],[64,""]]]',
      {type: 'part', mode: 0o644, size: 4096, chunks: [{offset: 0, bytes: Uint8Array.of(0, 255)}], end: 64},
    ],
  ]

  it.each(cases)('%s', (text, node) => {
    const capture = parseCapture(withTree(`"/a":${text}`))
    expect(capture.nodes.get('/a')).toEqual(node)
    expect(formatCapture(capture)).toContain(`\n"/a":${text}\n`)
  })

  it.each([
    ['"x"', 'a node to be a list'],
    ['[]', 'one of "d"'],
    ['["z","644"]', 'one of "d"'],
    ['["toString","644"]', 'one of "d"'],
    ['["d"]', 'a "d" node to have 2 or 3 items'],
    ['["d","755","maybe"]', 'the name of an errno'],
    ['["d","888"]', 'an octal mode'],
    ['["d",755]', 'an octal mode'],
    ['["l",5]', 'the target to be a string'],
    ['["f","444","\u20ac"]', 'characters up to U+00FF'],
    ['["f","444",5]', 'the content to be a string'],
    ['["b","444","AA"]', 'canonical base64'],
    ['["b","444","AP9="]', 'canonical base64'],
    ['["e","444","no"]', 'the name of an errno'],
    ['["p","444",-1,[]]', 'the size to be an integer'],
    ['["p","444",8,[[4,"AA=="],[0,"AA=="]]]', 'chunks in order'],
    ['["p","444",8,[[0,"AA=="],[1,"AA=="]]]', 'chunks in order, apart'],
    ['["p","444",8,[[4,""],[5,"AA=="]]]', 'chunks in order, apart, and none behind the end'],
    ['["p","444",8,[[0]]]', 'a chunk to have 2 items'],
  ])('%s is refused by its path', (text, expected) => {
    const error = refusal(withTree(`"/sys/bad":${text}`))
    expect(error.kind).toBe('malformed')
    expect(error.message).toContain(`node "/sys/bad": expected ${expected}`)
  })

  it.each(['', 'a', '/a/', '//a', '/a/../b', '/./a', '__proto__'])('is refused at the path %j', path => {
    expect(refusal(withTree(`${JSON.stringify(path)}:["d","755"]`)).message).toContain('not an absolute path')
  })

  it('is refused below a file or link', () => {
    const message = refusal(withTree('"/a/b/c":["d","755"],"/a/b":["d","755"],"/a":["l","x"]')).message
    expect(message).toContain('lies below "/a", which is not a directory')
  })
})

describe('a document', () => {
  it.each([
    ['[]', 'expected an object'],
    ['{', 'not JSON'],
    ['{"format":"other"}', 'expected format tsmctl-capture-1 or tsmtest-sysfs-1, got "other"'],
    ['{"format":{"toString":1}}', 'expected format to be a string'],
    [`{"format":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'expected format to be a string'],
    [`{${HEAD},"tree":[]}`, 'tree: expected an object'],
    [`{${HEAD}}`, 'tree: expected an object'],
    [`{${HEAD},"tree":{},"more":1}`, 'expected no member "more"'],
    ['{"format":"tsmctl-capture-1","tree":{}}', 'expected label to be a string'],
    [withExchange('{"family":"f"}'), 'exchanges[0]: expected either response or errno'],
    [
      withExchange('{"family":"f","version":1,"command":1,"request":"0","errno":"EPERM"}'),
      'request to be lower-case hex',
    ],
    [withExchange('{"family":"f","version":1,"command":256,"request":"","errno":"EPERM"}'), 'command to be an integer'],
    [
      withExchange('{"family":"f","version":1,"command":1,"request":"","response":["zz"]}'),
      'a message to be lower-case',
    ],
    [
      withExchange('{"kind":"dump","family":"f","version":1,"command":1,"request":"","errno":"EPERM"}'),
      'kind "single", or none',
    ],
    [withTree('', ',"families":{}'), 'expected families to be a list'],
    [withTree('', ',"families":[{"family":"f"}]'), 'families[0]: expected version to be an integer'],
    [withTree('', ',"families":[{"family":"f","errno":"EPERM","version":1}]'), 'expected no member "version"'],
    [
      withTree('', ',"families":[{"family":"f","version":1,"maxAttribute":1,"commands":[-1]}]'),
      'a command to be an integer',
    ],
    [
      withTree('', ',"families":[{"family":"f","version":1,"maxAttribute":1,"commands":[],"policy":[[1]]}]'),
      'a limit to have 2 items',
    ],
    [
      withTree('', ',"ioctls":[{"path":"/dev/x","request":"0x1","argument":"","errno":"EPERM"}]'),
      'ioctls[0]: expected request to be a hexadecimal number',
    ],
    [withTree('', ',"ioctls":[{"path":"/dev/x","request":"1","argument":""}]'), 'either response or errno'],
    [withTree('', ',"uevents":[5]'), 'uevents[0]: expected the content to be a string'],
  ])('%s is refused', (text, expected) => {
    expect(refusal(text).message).toContain(expected)
  })

  it('is refused when it is not UTF-8', () => {
    expect(refusal(Uint8Array.of(0x7b, 0xff)).message).toContain('not UTF-8')
  })

  it('shows foreign text escaped', () => {
    expect(refusal(withTree('"/\\u001b[31m":5')).message).toContain('/\\x1b[31m')
  })
})

const name = fc.stringMatching(/^[a-z0-9:.]{1,6}$/).filter(text => text !== '.' && text !== '..')
const mode = fc.integer({min: 0, max: 0o7777})
const errnoName = fc.constantFrom('EACCES', 'EIO', 'errno 999')
const leaf: fc.Arbitrary<CaptureNode> = fc.oneof(
  fc.record({type: fc.constant('link' as const), target: fc.string()}),
  fc.record({type: fc.constant('file' as const), mode, content: fc.option(fc.uint8Array({maxLength: 40}))}),
  fc.record({type: fc.constant('error' as const), mode, errno: errnoName}),
  fc
    .tuple(
      mode,
      fc.array(fc.tuple(fc.integer({min: 1, max: 9}), fc.uint8Array({minLength: 1, maxLength: 9}))),
      fc.boolean(),
    )
    .map(([bits, parts, hasEnd]) => {
      let at = -1
      const chunks = parts.map(([gap, bytes]) => {
        const offset = at + gap
        at = offset + bytes.length
        return {offset, bytes}
      })
      return {type: 'part' as const, mode: bits, size: 4096, chunks, ...(hasEnd ? {end: at + 1} : {})}
    }),
)
const directory: fc.Arbitrary<CaptureNode> = fc.oneof(
  fc.record({type: fc.constant('directory' as const), mode}),
  fc.record({type: fc.constant('directory' as const), mode, listing: fc.constantFrom('partial', 'EACCES')}),
)
const bytes = fc.uint8Array({maxLength: 20})
const arbitraryCapture: fc.Arbitrary<Capture> = fc.record({
  label: fc.string(),
  kernel: fc.string(),
  nodes: fc
    .array(fc.tuple(fc.array(name, {minLength: 1, maxLength: 3}), directory, name, leaf), {maxLength: 10})
    .map(items => {
      const nodes = new Map<string, CaptureNode>()
      for (const [parts, above, last, below] of items) {
        const path = `/d${parts.join('/d')}`
        nodes.set(path, above)
        nodes.set(`${path}/f${last}`, below)
      }
      return nodes
    }),
  exchanges: fc.array(
    fc.record({
      family: fc.string(),
      version: fc.nat(255),
      command: fc.nat(255),
      request: bytes,
      response: fc.oneof(errnoName, fc.array(bytes)),
    }),
    {maxLength: 3},
  ),
})

const u32 = fc.nat(0xffff_ffff)
/** A capture with all that can be asked beside files. */
const fullCapture: fc.Arbitrary<Capture> = fc
  .tuple(
    arbitraryCapture,
    fc.record({
      families: fc.array(
        fc.record({
          name: fc.string(),
          answer: fc.oneof(
            errnoName,
            fc.record(
              {
                version: u32,
                maxAttribute: u32,
                commands: fc.array(fc.nat(255)).map(commands => new Set(commands)),
                policy: fc.array(fc.tuple(fc.nat(0xffff), fc.option(u32))).map(limits => new Map(limits)),
              },
              {requiredKeys: ['version', 'maxAttribute', 'commands']},
            ),
          ),
        }),
        {minLength: 1, maxLength: 3},
      ),
      ioctls: fc.array(
        fc.record({path: fc.string(), request: u32, argument: bytes, response: fc.oneof(errnoName, bytes)}),
        {minLength: 1, maxLength: 3},
      ),
      uevents: fc.array(fc.oneof(bytes, fc.constant('lost' as const)), {minLength: 1, maxLength: 3}),
    }),
    fc.boolean(),
  )
  .map(([capture, more, isSingle]) => ({
    ...capture,
    ...more,
    exchanges: isSingle ? capture.exchanges.map(one => ({kind: 'single' as const, ...one})) : capture.exchanges,
  }))

describe('text', () => {
  it('reads back as the same capture, and the same capture gives the same text', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryCapture, fullCapture), capture => {
        const text = formatCapture(capture)
        expect(text).toMatch(/^[\x20-\x7e\n]*$/)
        const again = parseCapture(text)
        expect(again).toEqual({...capture, nodes: new Map(capture.nodes)})
        expect(formatCapture(again)).toBe(text)
        expect(parseCapture(Buffer.from(text))).toEqual(again)
      }),
    )
  })

  it('has one node and one exchange per line, parents before what is below them', () => {
    fc.assert(
      fc.property(arbitraryCapture, capture => {
        const paths = formatCapture(capture)
          .split('\n')
          .filter(line => line.startsWith('"/'))
          .map(line => line.slice(1, line.indexOf('":[')))
        expect(new Set(paths)).toEqual(new Set(capture.nodes.keys()))
        for (const [i, path] of paths.entries())
          expect(paths.indexOf(path.slice(0, path.lastIndexOf('/')))).toBeLessThan(i)
      }),
    )
  })

  it('cut anywhere is refused, never half read', () => {
    fc.assert(
      fc.property(fullCapture, fc.nat(), (capture, at) => {
        const text = formatCapture(capture).trimEnd()
        expect(refusal(text.slice(0, at % text.length)).kind).toBe('malformed')
      }),
    )
  })

  it('of any JSON is read or refused as malformed', () => {
    fc.assert(
      fc.property(fc.json(), json => {
        expect(refusal(withTree(`"/a":${json}`)).kind).toBe('malformed')
      }),
    )
  })
})
