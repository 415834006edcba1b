/** The class behind a decoded structure: one getter per field of the fixed head, so that V8 inlines the reads. */
import {type AnyField, type Fields, NEXT, type Seen} from './field.js'
import {jsonOf} from './json.js'
import {mask} from './mask.js'
import {LOAD} from './word.js'

interface Instance {
  readonly data: DataView
  readonly base: number
}
type Getter = (this: Instance) => unknown

/** One literal closure per kind and width, so that each getter's call sites stay monomorphic. */
function getter(field: AnyField & {readonly at: number}): Getter {
  const {at} = field
  switch (field.kind) {
    case 'u64':
      return function () {
        return this.data.getBigUint64(this.base + at, true)
      }
    case 'bytes': {
      const length = field.extent as number
      return function () {
        return new Uint8Array(this.data.buffer, this.data.byteOffset + this.base + at, length)
      }
    }
    case 'nested': {
      const {layout: inner} = field
      return function () {
        return inner.view!(this.data, this.base + at)
      }
    }
    case 'array':
      throw new RangeError('an array belongs to the variable tail')
    default:
  }
  const {lo, width} = field
  const low = mask(field.hi - lo, 0)
  if (field.kind === 'flag') {
    if (width === 1)
      return function () {
        return ((this.data.getUint8(this.base + at) >>> lo) & 1) === 1
      }
    if (width === 2)
      return function () {
        return ((this.data.getUint16(this.base + at, true) >>> lo) & 1) === 1
      }
    return function () {
      return ((LOAD[width]!(this.data, this.base + at) >>> lo) & 1) === 1
    }
  }
  if (width === 1)
    return function () {
      return (this.data.getUint8(this.base + at) >>> lo) & low
    }
  if (width === 2)
    return function () {
      return (this.data.getUint16(this.base + at, true) >>> lo) & low
    }
  if (width === 4)
    return function () {
      return ((this.data.getUint32(this.base + at, true) >>> lo) & low) >>> 0
    }
  return function () {
    return (LOAD[width]!(this.data, this.base + at) >>> lo) & low
  }
}

/** A structure at byte `base` of `data`; fields of the variable tail are added as properties by whoever decodes them. */
export type StructureClass = new (data: DataView, base: number) => object

/** Class of the table `fields`. */
export function structureClass(fields: Fields): StructureClass {
  class Structure implements Instance {
    // assigned, not defined: a field that is defined costs more than the rest of the object
    declare readonly data: DataView
    declare readonly base: number
    constructor(data: DataView, base: number) {
      this.data = data
      this.base = base
    }
    toJSON(): unknown {
      return jsonOf(fields, this as unknown as Seen)
    }
  }
  for (const [key, field] of Object.entries(fields))
    if (field.at !== NEXT)
      Object.defineProperty(Structure.prototype, key, {get: getter(field as AnyField & {at: number}), enumerable: true})
  return Structure
}
