export type {BlockFacts} from './measurement-block.js'
export type {MeasurementProblem} from './measurement-rules.js'
export * from './measurements.js'
