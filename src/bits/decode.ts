/** The decoder half of a layout: strict, linear, and exact about where and why it refuses. */
import {DecodeError} from './decode-error.js'
import {type AnyField, type ArrayField, type Context, type Fields, NEXT, REST, type Seen} from './field.js'
import {expectedOf, extentOf} from './rules.js'
import type {StructureClass} from './structure.js'
import {LOAD} from './word.js'

export type Reader = (data: DataView, at: number, end: number, context: Context) => {value: Seen; end: number}

/** Reader of the table `fields` whose fixed head takes `headSize` bytes and is shown by `Structure`. */
export function decoder(name: string, fields: Fields, headSize: number, Structure: StructureClass): Reader {
  const entries: (readonly [string, AnyField])[] = Object.entries(fields)
  const tail = entries.filter(([, field]) => field.at === NEXT)
  const constants = entries.filter(([, field]) => field.is !== undefined)

  const fail = (path: string, offset: number, expected: string, got: string): never => {
    throw new DecodeError({structure: name, path, offset, expected, got})
  }
  const need = (path: string, at: number, length: number, end: number): void => {
    if (!Number.isSafeInteger(length) || length < 0 || at + length > end)
      fail(path, at, `${length} bytes`, `${Math.max(0, end - at)} left`)
  }

  function readArray(
    field: ArrayField,
    key: string,
    seen: Seen,
    data: DataView,
    at: number,
    end: number,
    ctx: Context,
  ) {
    const inner = field.layout
    let stop = end
    if (field.span !== undefined) {
      const span = extentOf(field.span, seen, ctx, end - at)
      need(key, at, span, end)
      stop = at + span
    }
    const untilEnd = field.count === REST
    const count = untilEnd ? Infinity : extentOf(field.count, seen, ctx, 0)
    if (!untilEnd) need(key, at, count * (inner.size ?? Math.max(1, inner.headSize)), stop)
    // fixed-size elements without constants: their bounds are checked above, all at once
    const step = inner.size ?? 0
    if (!untilEnd && inner.view !== undefined && (field.span === undefined || count * step === stop - at)) {
      const views: unknown[] = []
      for (let i = 0, from = at; i < count; i++, from += step) views.push(inner.view(data, from))
      return {value: views as readonly unknown[], end: at + count * step}
    }
    const out: unknown[] = []
    let pos = at
    try {
      while (untilEnd ? pos < stop : out.length < count) {
        const item = inner.read(data, pos, stop, ctx)
        if (item.end === pos) fail(`${key}[${out.length}]`, pos, 'at least one byte', 'an empty element')
        out.push(item.value)
        pos = item.end
      }
    } catch (error) {
      throw error instanceof DecodeError && error.where.structure !== name
        ? error.within(name, `${key}[${out.length}]`)
        : error
    }
    if (field.span !== undefined && pos !== stop)
      fail(key, pos, `${count} elements in ${stop - at} bytes`, `${stop - pos} bytes left over`)
    return {value: out as readonly unknown[], end: pos}
  }

  function readTail(value: Record<string, unknown>, data: DataView, start: number, end: number, ctx: Context): number {
    let at = start
    for (const [key, field] of tail) {
      if (field.when && !field.when(value, ctx)) {
        value[key] = undefined
        continue
      }
      switch (field.kind) {
        case 'uint':
        case 'flag':
          need(key, at, field.width, end)
          value[key] = LOAD[field.width]!(data, at)
          at += field.width
          break
        case 'u64':
          need(key, at, 8, end)
          value[key] = data.getBigUint64(at, true)
          at += 8
          break
        case 'bytes': {
          const length = extentOf(field.extent, value, ctx, end - at)
          need(key, at, length, end)
          value[key] = new Uint8Array(data.buffer, data.byteOffset + at, length)
          at += length
          break
        }
        case 'nested':
          try {
            const item = field.layout.read(data, at, end, ctx)
            value[key] = item.value
            at = item.end
          } catch (error) {
            throw error instanceof DecodeError ? error.within(name, key) : error
          }
          break
        case 'array': {
          const items = readArray(field, key, value, data, at, end, ctx)
          value[key] = items.value
          at = items.end
          break
        }
      }
    }
    return at
  }

  return function read(data: DataView, at: number, end: number, ctx: Context): {value: Seen; end: number} {
    if (at + headSize > end) fail('', at, `at least ${headSize} bytes`, `${Math.max(0, end - at)}`)
    const value = new Structure(data, at) as Record<string, unknown>
    const stop = tail.length === 0 ? at + headSize : readTail(value, data, at + headSize, end, ctx)
    for (const [key, field] of constants) {
      const got = value[key]
      if (got === undefined) continue
      const expected = expectedOf(field, value, ctx)
      if (got !== expected) {
        const offset = typeof field.at === 'number' ? at + field.at : at
        fail(key, offset, `0x${expected.toString(16)}`, `0x${(got as number).toString(16)}`)
      }
    }
    return {value, end: stop}
  }
}
