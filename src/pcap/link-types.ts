/** LINKTYPE numbers that can carry SPDM. */
export const LINK_TYPE = {MCTP: 291, PCI_DOE: 292} as const

const NAMES: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'ETHERNET',
  101: 'RAW',
  113: 'LINUX_SLL',
  147: 'USER0',
  220: 'USB_LINUX_MMAPPED',
  276: 'LINUX_SLL2',
  [LINK_TYPE.MCTP]: 'MCTP',
  [LINK_TYPE.PCI_DOE]: 'PCI_DOE',
}

/** `291 (MCTP)`; a bare number when the type is none of those that are likely here. */
export const linkTypeText = (type: number): string =>
  NAMES[type] === undefined ? `${type}` : `${type} (${NAMES[type]})`
