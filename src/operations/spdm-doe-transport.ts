/**
 * SPDM through a device's DOE mailbox, PCIe r6.2 §6.31. The kernel and firmware know nothing of it and no lock keeps them
 * out: a collision can kill the mailbox until the function is enumerated again. So nobody gets in here who did not ask
 * for it by name, and nobody at all where a TSM may want the mailbox.
 */
import {type ErrorKind, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {
  type Bdf,
  CMA_SPDM,
  deviceDirectory,
  discoverFeatures,
  type DoeFeature,
  doeInstances,
  type DoeInstance,
  featureText,
  includesFeature,
  offers,
  readAttribute,
  readDoeFeatures,
  readFunction,
  readFunctionLink,
  SECURED_CMA_SPDM,
  slotOf,
} from '../pci/index.js'
import type {Datagram, Transport} from '../spdm/index.js'

/** Option of the commands that speak through a mailbox. */
const MAILBOX_FLAG = '--use-mailbox'

/** Objects count dwords: up to three zero bytes follow a message. */
const MAX_PADDING = 3
/** Larger than any message a device of today sends; what a transport allocates is bounded by it. */
const MAX_PAYLOAD = 0x2_0000

const CHUNKS = `A mailbox takes ${MAX_PAYLOAD} bytes here; larger messages go in chunks.`

export interface DoeTransportOptions {
  /** The user asked for it, knowing what a collision costs. */
  readonly useMailbox: boolean
  readonly signal?: AbortSignal | undefined
}

export interface DoeTransport extends Transport {
  /** Offset of the mailbox in configuration space. */
  readonly offset: number
  /** What the mailbox takes. */
  readonly features: readonly DoeFeature[]
  /** Sessions are possible: the same mailbox takes secured messages. */
  readonly takesSecured: boolean
}

const refuse = (bdf: Bdf, kind: ErrorKind, got: string, hint: string): never => {
  throw new TsmctlError({kind, attempted: `speak SPDM to ${bdf} through its DOE mailbox`, subject: bdf, got, hint})
}

/** Attributes of a TSM: where one of them is, the mailbox belongs to the TSM. */
const TSM_ATTRIBUTES = ['tsm', 'authenticated']

/** A TSM may register at any moment, and from then on the mailbox is the kernel's. */
function refuseTsm(kernel: Kernel, bdf: Bdf): void {
  for (const holder of new Set([bdf, slotOf(bdf).first]))
    if (TSM_ATTRIBUTES.some(name => kernel.stat(`${deviceDirectory(holder)}/${name}`) !== undefined))
      refuse(
        bdf,
        'unsupported',
        `a TSM of this machine speaks to ${holder} (${deviceDirectory(holder)}/tsm exists)`,
        'Use tsmctl connect, or tsmctl lock and accept: two requesters in one mailbox corrupt each other, and can leave it dead until the function is enumerated again. Unload the TSM driver to speak to the device yourself.',
      )
}

function refuseOthers(kernel: Kernel, bdf: Bdf): void {
  const physfn = readFunctionLink(kernel, `${deviceDirectory(bdf)}/physfn`)
  const physical = physfn.present ? valueOf(physfn.value) : bdf
  const {first} = slotOf(physical ?? bdf)
  if (first === bdf && !physfn.present) return
  refuse(
    bdf,
    'unsupported',
    `the mailbox of a device for SPDM belongs to its function 0, ${first}`,
    `Name ${first} instead: it answers for all functions of the device.`,
  )
}

/** A sleeping function wakes for each single access and may forget the others in between. */
function refuseAsleep(kernel: Kernel, bdf: Bdf): void {
  const power = readAttribute(kernel, `${deviceDirectory(bdf)}/power_state`)
  const state = power.present ? valueOf(power.value) : 'D0'
  // not every platform knows; then the mailbox itself tells
  if (state === 'D0' || state === 'unknown' || state === undefined) return
  refuse(
    bdf,
    'unsupported',
    `the function is suspended (${state})`,
    `Keep it awake first: write on to ${deviceDirectory(bdf)}/power/control.`,
  )
}

const without = (bdf: Bdf, got: string): never =>
  refuse(
    bdf,
    'unsupported',
    got,
    'The device cannot be asked for its identity this way; tsmctl show lists what it has.',
  )

function checkPlace(kernel: Kernel, bdf: Bdf, useMailbox: boolean): void {
  if (readFunction(kernel, bdf) === undefined)
    refuse(bdf, 'not-found', 'no such PCI function', 'tsmctl list shows the functions of this host.')
  refuseTsm(kernel, bdf)
  refuseOthers(kernel, bdf)
  const features = readDoeFeatures(kernel, bdf)
  // a kernel too old to say so has no such directory
  if (features.present && valueOf(offers(features, CMA_SPDM)) === false)
    without(bdf, `none of its mailboxes takes CMA-SPDM (${featureText(CMA_SPDM)})`)
  if (!useMailbox)
    refuse(
      bdf,
      'usage',
      'this writes to the device, past the kernel, which may use the same mailbox at any time',
      `If no driver or firmware speaks to the device meanwhile, add ${MAILBOX_FLAG}. A collision can leave the mailbox dead until the function is removed and rescanned.`,
    )
  refuseAsleep(kernel, bdf)
}

/** The mailbox that takes CMA-SPDM; one that takes secured messages as well, if there is one. */
async function mailboxForSpdm(
  instances: readonly DoeInstance[],
  bdf: Bdf,
  signal: AbortSignal | undefined,
): Promise<{readonly instance: DoeInstance; readonly features: readonly DoeFeature[]}> {
  const found: {readonly instance: DoeInstance; readonly features: readonly DoeFeature[]}[] = []
  for (const instance of instances) {
    // one question at a time
    // oxlint-disable-next-line no-await-in-loop
    const features = await discoverFeatures(instance, {signal})
    if (includesFeature(features, CMA_SPDM)) found.push({instance, features})
  }
  const best = found.find(({features}) => includesFeature(features, SECURED_CMA_SPDM)) ?? found[0]
  return best ?? without(bdf, `none of its ${instances.length} mailboxes takes CMA-SPDM (${featureText(CMA_SPDM)})`)
}

/**
 * A transport through the DOE mailbox of function 0 of a device. Throws TsmctlError: `usage` without the opt-in,
 * `unsupported` where a TSM owns the mailbox or there is none for SPDM, `busy` while another tsmctl or somebody unknown
 * uses it, `not-permitted` without root; and whatever discovery throws. The caller closes it.
 */
export async function openDoeTransport(
  kernel: Kernel,
  bdf: Bdf,
  {useMailbox, signal}: DoeTransportOptions,
): Promise<DoeTransport> {
  checkPlace(kernel, bdf, useMailbox)
  const release = kernel.lock(`doe-${bdf}`)
  try {
    const instances = doeInstances(kernel, bdf)
    if (instances.length === 0) without(bdf, 'it has no DOE mailbox')
    const {instance, features} = await mailboxForSpdm(instances, bdf, signal)
    const takesSecured = includesFeature(features, SECURED_CMA_SPDM)
    return {
      peer: bdf,
      maxPadding: MAX_PADDING,
      maxPayload: MAX_PAYLOAD,
      offset: instance.offset,
      features,
      takesSecured,
      async exchange(request, timeout, cancel): Promise<Datagram> {
        refuseTsm(kernel, bdf)
        if (request.secured && !takesSecured)
          without(
            bdf,
            `its mailbox takes SPDM, but no secured messages (${featureText(SECURED_CMA_SPDM)}): no sessions`,
          )
        if (request.payload.length > MAX_PAYLOAD)
          refuse(bdf, 'unsupported', `a message of ${request.payload.length} bytes does not fit`, CHUNKS)
        const {vendor, type} = request.secured ? SECURED_CMA_SPDM : CMA_SPDM
        const answer = await instance.exchange(
          {vendor, type, payload: request.payload},
          // who cannot decrypt a record says so in the clear
          {timeout, largest: MAX_PAYLOAD, answers: [type, CMA_SPDM.type], signal: cancel ?? signal},
        )
        return {secured: answer.type === SECURED_CMA_SPDM.type, payload: answer.payload}
      },
      async close() {
        await instance.release()
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}
