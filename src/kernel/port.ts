/**
 * The kernel port: the only way out of the process. It speaks what Linux speaks: bytes on paths, refused with an errno
 * (`ErrnoError`). A write may succeed and mean nothing (read back), a read may block for a whole SPDM exchange (use
 * `query`), a file may vanish between two calls. Everything above the port behaves the same on every implementation;
 * `test/kernel/contract.ts` states what that means.
 */

export type HostKind = 'live' | 'sim' | 'replay'

export interface HostInfo {
  readonly kind: HostKind
  /** What the user named: a directory or capture file; empty for the running machine. */
  readonly label: string
}

export interface Stat {
  readonly type: 'file' | 'directory' | 'link'
  /** Permission bits. */
  readonly mode: number
  /** `st_size` as the kernel reports it: 4096 for text attributes, not the length of the content. */
  readonly size: number
}

/** A generic-netlink family as CTRL_CMD_GETFAMILY describes it (Linux uapi `linux/genetlink.h`). */
export interface NetlinkFamily {
  readonly name: string
  readonly version: number
  /** Largest attribute type of requests. */
  readonly maxAttribute: number
  /** Commands it serves, by number. */
  readonly commands: ReadonlySet<number>
  /**
   * What CTRL_CMD_GETPOLICY says about request attributes: the longest payload by attribute type, in bytes, null where
   * the kernel states no limit. Undefined where the kernel cannot dump policies.
   */
  readonly policy?: ReadonlyMap<number, number | null> | undefined
}

/** One generic-netlink request: command and attributes of a family addressed by name. */
export interface NetlinkRequest {
  readonly family: string
  readonly version: number
  readonly command: number
  /** Encoded attributes (`struct nlattr` sequence, host byte order little-endian). */
  readonly attributes: Uint8Array
}

/** tsmctl's own durable state (audit log, nonce ledger, pins), apart from the kernel's files. */
export interface StateStore {
  /** Where it is, for messages. */
  readonly directory: string
  /** Names in the directory that can be state files, sorted; none where the directory is still to be made. */
  list(): readonly string[]
  /** Content of a state file, or its first `length` bytes; undefined when there is none. */
  read(name: string, length?: number): Uint8Array | undefined
  /** Appends and returns only once the bytes are on the disk. */
  append(name: string, bytes: Uint8Array): void
  /** Replaces the whole file atomically (temporary file, fsync, rename). */
  replace(name: string, bytes: Uint8Array): void
  /** Removes the file, if there is one, and returns only once that is on the disk. */
  remove(name: string): void
}

export interface Actor {
  readonly uid: number | null
  /** User who logged in, kept over su and sudo. */
  readonly loginuid: number | null
  readonly user: string | null
  readonly tty: string | null
  /** Audit session of the login, proc(5) `sessionid`. */
  readonly session?: string | null
  /** Where the login came from, as its environment says: whoever runs tsmctl can make that up. */
  readonly remote?: string | null
  /** Program that started this one. */
  readonly ppidExe?: string | null
}

/** Path of a program, and its arguments. */
export type ProgramCommand = readonly [path: string, ...given: string[]]

export interface ProgramLimits {
  readonly timeoutMs: number
  /** Most that it may say. */
  readonly mostBytes: number
}

export interface ProgramResult {
  /** By itself, by a signal, or by us because it took too long or said too much. */
  readonly ended: 'exit' | 'signal' | 'timeout' | 'too-much'
  /** Exit code, where it ended by itself. */
  readonly code: number | null
  readonly output: Uint8Array
}

export interface Kernel {
  readonly host: HostInfo
  readonly state: StateStore

  /** Whole content of a file or attribute that answers at once. Bytes that were read belong to the reader. */
  read(path: string): Uint8Array
  /** At most `length` bytes from `offset`; short at the end, and after 64 bytes of `config` without privilege. */
  readAt(path: string, offset: number, length: number): Uint8Array
  /**
   * Writes one dword of a `config` file at an offset that is a multiple of 4: a single configuration cycle, for registers
   * where every access has an effect. EINVAL for anything else, before anything is opened. Never creates a file.
   */
  writeAt(path: string, offset: number, bytes: Uint8Array): void
  readlink(path: string): string
  /** Names in a directory, sorted. */
  list(path: string): readonly string[]
  /** What is at `path`, not following links; undefined when there is nothing. */
  stat(path: string): Stat | undefined

  /** Reads an attribute that may block for seconds (`tsm/*` while somebody connects). Ends with EINTR on abort. */
  query(path: string, signal?: AbortSignal): Promise<Uint8Array>
  /**
   * One open(O_WRONLY), one write, one close. Success says nothing about effect, and refusal nothing about its lack: a
   * binary attribute of configfs takes what it has at close, which is nothing after a write that was refused. Read back.
   */
  write(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /**
   * mkdir(2), which in configfs makes an item with attributes of its own; EPERM where users make none, as in sysfs. May
   * wait for whatever the subsystem is at. EEXIST says that it was there before.
   */
  makeDirectory(path: string, signal?: AbortSignal): Promise<void>
  /** rmdir(2), which in configfs removes an item together with its attributes, whoever has them open. */
  removeDirectory(path: string, signal?: AbortSignal): Promise<void>
  /**
   * Generic-netlink dump: the payloads (genl header stripped) of all messages up to NLMSG_DONE, in order.
   * ENOENT when the family does not exist; EINTR of kind `busy` when what was listed changed meanwhile (try again);
   * otherwise the errno of NLMSG_ERROR or NLMSG_DONE, with the kernel's own words in `got`, where it gave any.
   */
  netlinkDump(request: NetlinkRequest, signal?: AbortSignal): Promise<readonly Uint8Array[]>
  /** The family called `name`. ENOENT when the kernel has none. */
  netlinkFamily(name: string, signal?: AbortSignal): Promise<NetlinkFamily>
  /**
   * One generic-netlink request with acknowledgement: the payloads of what was answered before it, often none. Throws the
   * errno of NLMSG_ERROR; `got` then has the kernel's own words (NLMSGERR_ATTR_MSG), where it gave any.
   */
  netlinkDo(request: NetlinkRequest, signal?: AbortSignal): Promise<readonly Uint8Array[]>
  /**
   * Kobject uevents from this call on, whoever iterates when, as the kernel sends them (`ACTION@DEVPATH`, then
   * `KEY=VALUE`, each ended by NUL), and `lost` when some were lost and everything must be looked at again. Ends without
   * error on abort; EOPNOTSUPP where the host has none: then only looking again and again tells.
   */
  uevents(signal: AbortSignal): AsyncIterable<Uint8Array | 'lost'>
  /**
   * ioctl(2) on the device file at `path`; returns `argument` as the kernel left it. EINVAL when the number of the request
   * names more bytes than `argument` has. Pointers in it mean nothing: the call may be made by another process.
   */
  ioctl(path: string, request: number, argument: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>

  /** tsmctl's advisory lock on `name`; EBUSY when another process holds it. Returns the release. */
  lock(name: string): () => void
  /** Wall clock. */
  now(): Date
  /** Monotonic clock in nanoseconds. */
  monotonic(): bigint
  /** Rejects at once when `signal` is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Bytes from the system's CSPRNG. */
  random(length: number): Uint8Array
  /**
   * Runs a program of the machine tsmctl runs on, without a shell, with `input` on its standard input. Throws the errno
   * when it cannot be started, EINTR on abort; how it ended is in the result.
   */
  runProgram(
    command: ProgramCommand,
    input: Uint8Array,
    limits: ProgramLimits,
    signal?: AbortSignal,
  ): Promise<ProgramResult>
  /** Who runs this process, for the audit log. */
  actor(): Actor
  close(): void
}

const DECODER = new TextDecoder('latin1')

/** Text of an attribute without its trailing newline. Kernel text is bytes: Latin-1 loses none of them. */
export function readText(kernel: Kernel, path: string): string {
  return attributeText(kernel.read(path))
}

/** Attribute bytes as text without the trailing newline. */
export function attributeText(bytes: Uint8Array): string {
  const text = DECODER.decode(bytes)
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

/** Bytes of one attribute write. */
export const attributeBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
