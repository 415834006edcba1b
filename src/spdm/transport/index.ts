export * from './record-form.js'
export type * from './transport.js'
