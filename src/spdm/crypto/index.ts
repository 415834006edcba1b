export * from './signature.js'
export * from './transcript-hash.js'
