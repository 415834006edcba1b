/**
 * Which side a TSM serves. A function has one context for both: where TSMs of both sides are registered, `tsm/connect`
 * names also the TSM that has it locked, and `tsm/lock` the one it is connected to. Only `pci_mode` tells them apart; a
 * kernel without it has one side. Linux drivers/pci/tsm/core.c of the staged guest series.
 */
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {readAttribute} from './attributes.js'

export const TSM_CLASS = '/sys/class/tsm'

/** `link`, `devsec`, or another word of the kernel's; undefined when it says nothing about `tsm`, or there is no such TSM. */
export function tsmMode(kernel: Kernel, tsm: string): string | undefined {
  if (!/^tsm\d{1,9}$/.test(tsm)) return undefined
  const mode = readAttribute(kernel, `${TSM_CLASS}/${tsm}/pci_mode`)
  return mode.present ? valueOf(mode.value) : undefined
}

/** What `tsm/connect` means when it reads `text`: a lock is no connection. */
export const connectionNamed = (kernel: Kernel, text: string): string =>
  tsmMode(kernel, text) === 'devsec' ? '' : text
