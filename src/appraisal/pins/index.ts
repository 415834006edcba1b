export {compare, deviceChanged, type Present} from './compare.js'
export {deviceSpecificDigest, normalFormDigest, reportNormalForm} from './normal-form.js'
export {type PinKind, pinIdOf, profileOf} from './profile.js'
export type * from './types.js'
