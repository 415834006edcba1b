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

/** One generic-netlink dump request: `GENL` command and attributes of a family addressed by name. */
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
  /** Content of a state file, or its first `length` bytes; undefined when there is none. */
  read(name: string, length?: number): Uint8Array | undefined
  /** Appends and returns only once the bytes are on the disk. */
  append(name: string, bytes: Uint8Array): void
  /** Replaces the whole file atomically (temporary file, fsync, rename). */
  replace(name: string, bytes: Uint8Array): void
}

export interface Actor {
  readonly uid: number | null
  /** User who logged in, kept over su and sudo. */
  readonly loginuid: number | null
  readonly user: string | null
  readonly tty: string | null
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
  /** One open(O_WRONLY), one write, one close. Success says nothing about effect: read back. */
  write(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /**
   * Generic-netlink dump: the payloads (genl header stripped) of all messages up to NLMSG_DONE, in order.
   * ENOENT when the family does not exist; otherwise the errno of NLMSG_ERROR or NLMSG_DONE.
   */
  netlinkDump(request: NetlinkRequest, signal?: AbortSignal): Promise<readonly Uint8Array[]>

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
