/**
 * Platforms' TSMs and the devices they speak to: one way in which a device is made and remembered, and one in which a
 * session is opened, kept and ended, whether the TSM serves a guest (TDISP) or a host (IDE).
 */
export {assumedLink} from './assumed.js'
export {DeviceEnd, type DeviceSpec, type Interposer} from './device-end.js'
export {deviceSpec} from './device-spec.js'
export {disturb, endSessions, loseStream, mirror, powerOff} from './guest-dsm.js'
export {type Done, inSession, sessionsLost} from './link.js'
export {ensureSession, withTsm} from './links.js'
export {isStoredLink, type StoredLink} from './memory.js'
export {interposerOf} from './mischief.js'
export {isRefusal, openTsmSession} from './open-session.js'
export {KEYS_OF_STREAM, keySetsFar, keysInCommon, keysNear} from './root-port.js'
export {linkStatus, type LinkStatus} from './status.js'
export type {SlowWire} from './wire.js'
