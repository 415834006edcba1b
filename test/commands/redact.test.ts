import {describe, expect, it} from 'vitest'
import {redactor} from '../../src/cli/redact.js'

const hide = (data: unknown, text = '') => {
  const {json, text: mask, count} = redactor(data)
  return {json: json(data), text: mask(text), count}
}

describe('--redact', () => {
  it('gives equal values equal labels, in the data and wherever the text has them', () => {
    const data = {
      a: {serialNumber: '0x1234567890'},
      b: [{serial: '00-11-22'}, {serialNumber: '0x1234567890'}],
      other: 'device 0x1234567890 again',
    }
    expect(hide(data, 'reads 0x1234567890\nas 0x0000001234567890')).toEqual({
      count: 2,
      json: {
        a: {serialNumber: '[redacted serial 1]'},
        b: [{serial: '[redacted serial 2]'}, {serialNumber: '[redacted serial 1]'}],
        other: 'device [redacted serial 1] again',
      },
      text: 'reads [redacted serial 1]\nas [redacted serial 1]',
    })
  })

  it('knows names and paths inside the subject of an appraisal, and only there', () => {
    const subject = {name: 'gpu-7', path: ['CN=root', 'CN=gpu-7'], bdf: '0000:01:00.0', certificate: 'sha384:ab'}
    expect(hide({name: 'list', path: ['x'], subject}).json).toEqual({
      name: 'list',
      path: ['x'],
      subject: {
        name: '[redacted subject 1]',
        path: ['[redacted subject 2]', '[redacted subject 3]'],
        bdf: '0000:01:00.0',
        certificate: '[redacted certificate 1]',
      },
    })
  })

  it('names of members are values too', () =>
    expect(hide({serial: 'gpu-7', submods: {'spdm:gpu-7': 1}}).json).toMatchObject({
      submods: {'spdm:[redacted serial 1]': 1},
    }))

  it('masks the longer of two values first', () =>
    expect(hide({serial: 'abc', nonce: 'abcdef'}, 'abcdef abc').text).toBe('[redacted nonce 1] [redacted serial 1]'))

  it('leaves zeros, nulls and everything else alone', () => {
    const data = {serialNumber: '0x0', serial: null, nonce: '', list: [1, true], subject: null}
    expect(hide(data, '0x0000000000000000')).toEqual({count: 0, json: data, text: '0x0000000000000000'})
  })
})
