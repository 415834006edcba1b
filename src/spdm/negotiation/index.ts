export * from './connection.js'
export type {Selection, SelectionName} from './selection.js'
export * from './vca.js'
