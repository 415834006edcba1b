/** Attacks on the way to RUN: rivals, drivers, resets, replies that say something else than happened. */
import type {Attack} from './attack.js'

const TARGET = '0000:01:00.0'
const DENIED = 4

export const MACHINE_ATTACKS: readonly Attack[] = [
  {
    id: 'A12',
    title: 'A driver binds by itself before the device is accepted',
    does: 'Something binds the driver after the lock, override or not, while the evidence is collected.',
    checks: ['acq.driver.unbound'],
    target: TARGET,
    exit: DENIED,
    note: "sim status lists the binding as a violation: it is the rival's.",
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: bind-driver}]
`,
  },
  {
    id: 'A16',
    title: 'Virtual functions appear while the evidence is collected',
    does: "The host makes a virtual function of the device behind the guest's back: the count differs between two looks.",
    checks: ['acq.device.stable'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: nic
    faults: [{at: "read:sriov_numvfs", do: flip-bit, after: 1, times: always}]
`,
  },
  {
    id: 'A20',
    title: 'The stream is enabled and not Secure, and connect says that it succeeded',
    does: 'The platform ignores that one end of the link never encrypted. Only the registers of both ends tell.',
    checks: [],
    stopper: 'the registers of both ends, read back after the write',
    target: TARGET,
    exit: 12,
    command: 'connect',
    note: 'A machine of the other side: a guest has to take the word of its TSM for the link.',
    body: `\
provider: {like: sev-tio, parent: "0000:c0:00.5"}
bridges:
  - {at: "0000:00"}
  - {at: "0000:c0"}
ports:
  - {at: "0000:00:01.0", bus: 0x01, ide: {selective: 2}}
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: connect, do: insecure, end: endpoint, times: always}]
  - {at: "0000:c0:00.5", kind: psp}
`,
  },
  {
    id: 'A33',
    title: 'Somebody else accepts the device while its evidence is reviewed',
    does: 'A rival brings it to RUN. A second accept would map its memory twice, and unlock would leave one mapping behind.',
    checks: ['acq.state.locked'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: rival-accept, after: 1}]
`,
  },
  {
    id: 'A38',
    title: 'accept says that it succeeded, and nothing happened',
    does: 'The reply comes from the host. The device is still locked, and a driver that is bound now uses it unprotected.',
    checks: [],
    stopper: 'the state that is read back after the write',
    target: TARGET,
    exit: 12,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: accept, do: stuck, times: always}]
`,
  },
  {
    id: 'A38',
    variant: 'refused',
    title: 'accept says that it failed, and the device is in RUN',
    does: 'The reply comes from the host. Who believes it leaves the device running, and calls it locked.',
    checks: [],
    stopper: 'the state that is read back after the write',
    target: TARGET,
    exit: 12,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: accept, do: errno-after, errno: EIO}]
`,
  },
  {
    id: 'A21',
    title: 'The device is pulled while its evidence is collected',
    does: 'What was collected so far is of a device that is no longer there; what is plugged in next is another one.',
    checks: [],
    stopper: 'the kernel: there is no such device',
    target: TARGET,
    exit: 3,
    gone: true,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: vanish}]
`,
  },
  {
    id: 'A13',
    title: 'Bus mastering is turned off under the lock',
    does: 'The host clears Bus Master Enable just before accept: the device forgets its lock, and the kernel is not told.',
    checks: [],
    stopper: 'the device, which refuses to start',
    target: TARGET,
    exit: 12,
    note: 'After accept nothing in the kernel shows this: try sim inject --at now --do bme-clear, and see what the device does.',
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: accept, do: bme-clear}]
`,
  },
  {
    id: 'A21',
    variant: 'reset',
    title: 'The device is reset while its evidence is collected',
    does: 'What was collected first is of a device that no longer runs what it measured.',
    checks: ['acq.object.complete'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: evidence, do: reset, when: before}]
`,
  },
  {
    id: 'A27',
    title: 'The clock of the guest is set back by ten years',
    does: 'The host turns the clock back to when an old certificate had not been revoked yet.',
    checks: ['acq.time.trusted'],
    target: TARGET,
    exit: DENIED,
    body: `\
devices:
  - at: "0000:01:00.0"
    kind: gpu
    faults: [{at: lock, do: clock, seconds: -315360000}]
`,
  },
]
