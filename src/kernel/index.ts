export {checkDword} from './attribute-io.js'
export {type Capture, CAPTURE_FORMAT, type CaptureNode, type Exchange} from './capture.js'
export {DEVICE_EVIDENCE} from './device-evidence-family.js'
export {environment} from './environment.js'
export {
  checkUserFile,
  isUserDirectory,
  listUserDirectory,
  readSecretFile,
  readStandardInput,
  readUserDirectory,
  readUserFile,
  statUserFile,
  writeUserDirectory,
  writeUserFile,
  type WriteOptions,
} from './files.js'
export {type GuardedFile, readGuardedFile} from './guarded-file.js'
export {formatCapture} from './format-capture.js'
export {NETLINK_LAYOUTS} from './genetlink/message.js'
export {looksRecorded, type RecordedDump, recordedDumps} from './genetlink/recorded.js'
export {ioctlNumber, type IoctlDirection} from './ioctl-number.js'
export {liveKernel, type LiveOptions} from './live.js'
export {fileLocks, memoryLocks} from './lock.js'
export {parseLspci} from './lspci.js'
export {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  NLATTR,
  stringAttribute,
  stringOf,
  u32Attribute,
  u32Of,
} from './netlink.js'
export {EVIDENCE_TYPES, type EvidenceLabel, PCI_TSM} from './pci-tsm-family.js'
export {
  type Actor,
  attributeBytes,
  attributeText,
  type HostInfo,
  type HostKind,
  type Kernel,
  type NetlinkFamily,
  type NetlinkRequest,
  type ProgramCommand,
  type ProgramLimits,
  type ProgramResult,
  readText,
  type Stat,
  type StateStore,
} from './port.js'
export {dumpKernel, openReplay} from './open-replay.js'
export {parseCapture} from './parse-capture.js'
export {recordingKernel, type Recording, type RecordingOptions} from './recording.js'
export type {ReplayOptions} from './replay-host.js'
export {replayKernel} from './replay.js'
export {defaultStateDirectory, directoryState, memoryState} from './state.js'
export {connectTcp, listenTcp, type Limits, type TcpAddress, type TcpListener, tcpName, type TcpStream} from './tcp.js'
export {treeKernel, type TreeOptions} from './tree.js'
export {encodeUevent, LARGEST_UEVENT, parseUevent, type Uevent} from './uevent.js'
export {type Lookup, resolvePath} from './walk.js'
export {processors, type WorkerLimits, type WorkerPool, workerPool} from './workers.js'
