export * from './options.js'
export * from './responder.js'
