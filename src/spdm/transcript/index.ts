export * from './transcript.js'
export * from './transcripts.js'
