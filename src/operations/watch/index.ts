export {FUNCTION_FACTS, type Fact, type FactName, type Transition, TSM_FACTS} from './differences.js'
export {CAUSES, OUTCOMES, type Outcome, type WatchEvent} from './types.js'
export {watch, type WatchOptions} from './watch.js'
