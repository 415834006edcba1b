/** Every base of the suite. */
import type {Base} from './base.js'
import {G1} from './g1.js'
import {G2} from './g2.js'
import {G3, G3T} from './g3.js'
import {G4, G4_ARM} from './g4.js'
import {G5} from './g5.js'

export type {Base} from './base.js'
export {baseOf, on} from './base.js'
export {G1} from './g1.js'
export {G2} from './g2.js'
export {G3, G3T, OLD_VCA, oldRuleWith} from './g3.js'
export {FLAGS, G4, G4_ARM, INTERFACE, LINK, MARKS, SESSION, statedRuleWith, verdictOn} from './g4.js'
export {G5, hostRuleWith, REGISTERS, registersWith, STREAM, streamWith} from './g5.js'

export const BASES: readonly Base[] = [G1, G2, G3, G3T, G4, G4_ARM, G5]
