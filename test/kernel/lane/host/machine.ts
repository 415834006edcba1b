/**
 * The emulated machine: two host bridges, a switch, four NVMe functions with an SPDM mailbox, the first with virtual
 * functions. QEMU emulates neither IDE nor the TEE bit: the module `tsmtest_hw` adds them.
 *
 *     pci0000:00  00:03.0 root port ── 01:00.0 NVMe, up to four virtual functions
 *                 00:04.0 root port ── 02:00.0 NVMe, 02:00.1 entropy device
 *                 00:05.0 root port ── 03:00.0 switch ── 04:00.0 ── 05:00.0 NVMe
 *                                                     └─ 04:01.0 ── 06:00.0 entropy device
 *     pci0000:40  40:00.0 root port ── 41:00.0 NVMe
 */

/** Functions with a mailbox, in the order of their responders. */
export const ENDPOINTS = ['0000:01:00.0', '0000:02:00.0', '0000:05:00.0', '0000:41:00.0'] as const

export interface MachineSpec {
  readonly kernel: string
  readonly initramfs: string
  /** Directories the guest sees: its root, what it shares with the host, and the checkout. */
  readonly root: string
  readonly share: string
  readonly checkout: string
  /** TCP ports of the responders, in the order of `ENDPOINTS`. */
  readonly ports: readonly number[]
  readonly processors: number
  /** MiB. */
  readonly memory: number
}

const device = (name: string, options: Readonly<Record<string, string | number>>): string[] => [
  '-device',
  [name, ...Object.entries(options).map(([key, value]) => `${key}=${value}`)].join(','),
]

/** A directory of the host. Fixed addresses: a share in the slot of a root port would shift every bus number. */
const share = (tag: string, path: string, addr: string, isReadOnly: boolean): string[] => [
  '-fsdev',
  // a comma ends an option's value unless it is doubled
  `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none${isReadOnly ? ',readonly=on' : ''}`,
  ...device('virtio-9p-pci', {fsdev: tag, mount_tag: tag, addr}),
]

const rootPort = (id: string, bus: string, chassis: number, more: Readonly<Record<string, string>> = {}): string[] =>
  device('pcie-root-port', {id, bus, chassis, slot: chassis, ...more})

const downstream = (id: string, chassis: number, addr: string): string[] =>
  device('xio3130-downstream', {id, bus: 'up0', chassis, slot: chassis, addr})

/** Arguments of `qemu-system-x86_64`. */
export function machineArguments(spec: MachineSpec): readonly string[] {
  const nvme = (n: number, bus: string, more: Readonly<Record<string, string | number>> = {}): string[] =>
    device('nvme', {serial: `tsmtest${n}`, id: `nv${n}`, bus, spdm_port: spec.ports[n]!, ...more})
  return [
    '-M',
    'q35',
    '-accel',
    'tcg,thread=single',
    '-cpu',
    'max',
    '-smp',
    String(spec.processors),
    '-m',
    String(spec.memory),
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-no-reboot',
    '-serial',
    'stdio',
    '-kernel',
    spec.kernel,
    '-initrd',
    spec.initramfs,
    '-append',
    // on a busy machine the check of the timer interrupt comes too early for an emulated one, and the kernel gives up
    'console=ttyS0 quiet panic=-1 no_timer_check',
    ...share('share', spec.share, '10.0', false),
    ...share('rootfs', spec.root, '11.0', true),
    ...share('repo', spec.checkout, '12.0', true),
    ...device('intel-iommu', {intremap: 'on', 'caching-mode': 'on'}),
    ...rootPort('rp0', 'pcie.0', 1, {addr: '3.0'}),
    ...rootPort('rp1', 'pcie.0', 2, {addr: '4.0'}),
    ...rootPort('rp2', 'pcie.0', 3, {addr: '5.0'}),
    ...device('x3130-upstream', {id: 'up0', bus: 'rp2'}),
    ...downstream('dn0', 4, '0.0'),
    ...downstream('dn1', 5, '1.0'),
    ...device('pxb-pcie', {id: 'pxb1', bus_nr: '0x40', bus: 'pcie.0', addr: '6.0'}),
    ...rootPort('rp3', 'pxb1', 6),
    ...device('nvme-subsys', {id: 'ss0'}),
    ...nvme(0, 'rp0', {
      subsys: 'ss0',
      sriov_max_vfs: 4,
      sriov_vq_flexible: 8,
      sriov_vi_flexible: 4,
      max_ioqpairs: 10,
      msix_qsize: 10,
    }),
    ...nvme(1, 'rp1', {addr: '0.0', multifunction: 'on'}),
    ...device('virtio-rng-pci', {bus: 'rp1', addr: '0.1'}),
    ...nvme(2, 'dn0'),
    ...device('virtio-rng-pci', {bus: 'dn1'}),
    ...nvme(3, 'rp3'),
  ]
}
