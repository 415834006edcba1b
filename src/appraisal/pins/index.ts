export type {Acceptance, Change, Comparison, DeviceProfile, Pin, PinReader} from './types.js'
