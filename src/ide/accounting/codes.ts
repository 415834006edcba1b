/** Every finding of the accounting: what it means and what to do, once. The documentation's table comes from here. */

interface FindingSpec {
  readonly severity: 'error' | 'warning' | 'hint'
  /** What it means, for the table of the documentation. */
  readonly means: string
  readonly remedy: string
}

const RECONNECT =
  'Disconnect the device and connect it again; if it comes back, reset the device or the slot and look at the kernel log. A stream that the kernel does not name cannot be disconnected: see stream-foreign.'
const FIRMWARE =
  'Turn the stream off in the firmware setup, or unplug or reset the function that carries it, and boot again: Linux never gives a Stream ID back that it found in use.'
const CORRECTED =
  'Ask the vendors of the processor and of the device for firmware with the corrections of the PCI-SIG advisory of December 2025, and prefer a slot without a switch in between, above all without a programmable one.'

export const FINDINGS = {
  'stream-one-sided': {
    severity: 'error',
    means: 'Only one end of a stream is enabled. Traffic in one direction is dropped or travels unprotected.',
    remedy: RECONNECT,
  },
  'stream-half-secure': {
    severity: 'error',
    means: 'Both ends are enabled, but only one is in state Secure.',
    remedy: RECONNECT,
  },
  'stream-insecure': {
    severity: 'error',
    means: 'The stream is enabled and not in state Secure: it protects nothing. A connect can succeed and leave this.',
    remedy: RECONNECT,
  },
  'stream-mismatch': {
    severity: 'error',
    means: 'The two ends differ in Stream ID, traffic class, algorithm or PCRC, so no packet passes the check.',
    remedy: RECONNECT,
  },
  'stream-fail-received': {
    severity: 'error',
    means: 'The other end reported a failed integrity check. Linux never clears this flag, so it may be old.',
    remedy:
      'Treat traffic since the last connect as lost or attacked; disconnect, and connect again. Look for AER messages (IDE Check Failed, Misrouted IDE TLP) in the kernel log.',
  },
  'stream-foreign': {
    severity: 'warning',
    means: 'A block is enabled and no stream link of the kernel names it: firmware made the stream, or somebody else.',
    remedy: FIRMWARE,
  },
  'link-disabled': {
    severity: 'error',
    means:
      'The kernel has a stream link, but the blocks it names are not enabled: the device counts as connected and is not protected.',
    remedy: RECONNECT,
  },
  'link-no-block': {
    severity: 'error',
    means: 'A stream link names a block that the function does not have, or that Linux does not use.',
    remedy: 'Compare with another decoder (lspci -vvv); report the kernel log and tsmctl record of this machine.',
  },
  'id-duplicate': {
    severity: 'error',
    means: 'Streams below one host bridge share a Stream ID, which Linux keeps unique per host bridge.',
    remedy: FIRMWARE,
  },
  'id-blocks-slot': {
    severity: 'error',
    means:
      'The next stream slot has the number of a Stream ID that is in use. A TSM that takes the slot as Stream ID (AMD SEV-TIO) fails with EBUSY, every time, because the same slot is tried again.',
    remedy: FIRMWARE,
  },
  'id-overlooked': {
    severity: 'warning',
    means:
      'The next stream slot has the number of a Stream ID that is live in registers which Linux makes no use of. Linux does not notice: with a TSM that takes the slot as Stream ID, two streams will share it.',
    remedy: FIRMWARE,
  },
  'capability-ignored': {
    severity: 'error',
    means:
      'Streams were enabled before Linux looked, with a Stream ID that was taken or is reserved: Linux ignores the whole IDE capability of the function.',
    remedy: FIRMWARE,
  },
  'capability-unpaired': {
    severity: 'warning',
    means: 'An endpoint has IDE, but Linux ignores it for want of a usable root port above it.',
    remedy: 'Move the device to a slot whose root port has IDE, or enable IDE for the slot in the firmware setup.',
  },
  'blocks-dropped': {
    severity: 'warning',
    means: 'Linux uses only the blocks before the first one with another number of address association registers.',
    remedy: 'Nothing, unless streams run out; then ask the vendor for firmware with equal blocks.',
  },
  'blocks-outside': {
    severity: 'warning',
    means: 'The capability promises more blocks than fit into configuration space: its counts are wrong.',
    remedy: 'Update the firmware of the device; do not rely on its IDE registers.',
  },
  'rid-invalid': {
    severity: 'error',
    means:
      'The Requester ID association of an enabled block is not valid, ends before it starts, or leaves out the other end.',
    remedy: RECONNECT,
  },
  'rid-foreign': {
    severity: 'warning',
    means:
      'The Requester ID association covers functions of other devices behind the same root port. AMD SEV-TIO always programs 0000-ffff.',
    remedy:
      'Expected with AMD SEV-TIO. Otherwise keep other devices off this root port, or disconnect and connect again after the hierarchy changed.',
  },
  'rid-misses-vfs': {
    severity: 'error',
    means: 'Virtual functions lie outside the Requester ID association: they were enabled after the connect.',
    remedy: 'Disconnect, set sriov_numvfs, then connect: the range is computed at that moment.',
  },
  'address-invalid': {
    severity: 'error',
    means: 'A valid address association of an enabled block ends before it starts: it matches nothing.',
    remedy: RECONNECT,
  },
  'address-outside': {
    severity: 'warning',
    means: 'An address association of a root port covers addresses that the port does not forward.',
    remedy: 'Disconnect and connect again: the windows changed after the stream was made.',
  },
  'pool-exhausted': {
    severity: 'warning',
    means: 'No stream slot is left below the host bridge: the next connect fails.',
    remedy: 'Disconnect a device below the same host bridge, or move one to another.',
  },
  'pool-inconsistent': {
    severity: 'warning',
    means: 'Free slots and stream links do not add up: a slot lies outside the pool, or two links name the same.',
    remedy: 'Look again when no connect or disconnect is running; if it stays, report the kernel log.',
  },
  'registers-unread': {
    severity: 'warning',
    means:
      'IDE registers or stream links below the host bridge could not be read: streams may be missing here, and who holds the others is not known.',
    remedy:
      'Run as root: configuration space beyond 64 bytes needs CAP_SYS_ADMIN. Of a recording, make one with tsmctl record: a dump of configuration spaces has no stream links.',
  },
  'cve-2025-9612': {
    severity: 'hint',
    means:
      'Forbidden IDE Reordering: the receiver cannot tell that a read overtook a write, so whoever controls the path can make it act on stale data. Matters where a Selective stream passes a switch, or an interposer, that may be hostile.',
    remedy: `${CORRECTED} The change to the specification is called IDE TLP Reordering Enhancement.`,
  },
  'cve-2025-9613': {
    severity: 'hint',
    means:
      'Completion Timeout Redirection: when a read times out and its tag is used again, a late completion answers the wrong request, possibly of another guest. Matters where whoever controls the path can delay completions and guests share the root port or device.',
    remedy: CORRECTED,
  },
  'cve-2025-9614': {
    severity: 'hint',
    means:
      'Delayed Posted Redirection: writes held back on the path arrive after an interface was given to another guest, when the stream was neither flushed nor given new keys in between. Matters where whoever controls the path can hold packets and interfaces are reassigned on a live stream.',
    remedy: `${CORRECTED} Disconnect and connect between guests: that makes new keys.`,
  },
} as const satisfies Record<string, FindingSpec>

export type FindingCode = keyof typeof FINDINGS
