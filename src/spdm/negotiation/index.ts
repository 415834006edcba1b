export * from './connection.js'
export * from './message-context.js'
export type {Selection, SelectionName} from './selection.js'
export * from './vca.js'
