export * from './direction.js'
export * from './key-schedule.js'
export * from './secure-session.js'
export * from './secured-message.js'
