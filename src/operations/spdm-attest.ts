/** `spdm attest`: asks a device who it is and what runs on it, and keeps what it said. */
import {type Appraisal, type Policy, requireUsable} from '../appraisal/index.js'
import {printablePath, TsmctlError} from '../errors.js'
import {bundleToJson, type PciFacts} from '../evidence/index.js'
import {checkUserFile, type Kernel, readUserFile, writeUserFile} from '../kernel/index.js'
import {ridOf} from '../pci/index.js'
import {Requester, type Transport} from '../spdm/index.js'
import {type Attestation, measurementView, negotiatedView, type SlotView} from './spdm-attestation.js'
import {toHex} from '../bits/index.js'
import {readPciFacts} from './device-facts.js'
import {type PolicySources, readPolicy} from './read-policy.js'
import {verifyBundle} from './review.js'
import {type AttestationEvidence, attestationBundle} from './spdm-bundle.js'
import {type BindingName, BINDINGS} from './spdm-binding.js'
import {readRoots} from './spdm-chain.js'
import {type Endpoint, parseEndpoint} from './spdm-endpoint.js'
import {type Findings, Interview} from './spdm-interview.js'
import {refusalOf, verdictOf} from './spdm-questions.js'
import {openDoeTransport} from './spdm-doe-transport.js'
import {connectSpdmTcp} from './spdm-tcp-transport.js'
import {captureFile, listening, type SeenObject} from './spdm-transcript.js'

export interface AttestOptions {
  /** `tcp://HOST:PORT`, or a PCI function. */
  readonly device: string
  /** Files with root certificates that the user trusts. */
  readonly roots: readonly string[]
  /** Files whose rule says which values are expected. */
  readonly policies: readonly string[]
  /** Who must have signed them. */
  readonly policySources?: PolicySources | undefined
  readonly slot?: number | undefined
  readonly oneByOne?: boolean | undefined
  readonly raw?: boolean | undefined
  readonly session?: boolean | undefined
  readonly shutdown?: boolean | undefined
  /** What a responder behind TCP expects its messages in; `doe` unless it is said. */
  readonly transport?: BindingName | undefined
  readonly useMailbox?: boolean | undefined
  /** Milliseconds for one exchange. */
  readonly timeout: number
  readonly bundleFile?: string | undefined
  readonly transcriptFile?: string | undefined
  readonly force?: boolean | undefined
  readonly tool: string
  readonly signal: AbortSignal
  readonly onStep?: ((line: string) => void) | undefined
}

export interface Attested {
  readonly attestation: Attestation
  readonly bundle: {readonly digest: string; readonly file: string} | null
  /** File with every exchange. */
  readonly transcript: string | null
  /** Why it is not verified; undefined when it is. */
  readonly error: TsmctlError | undefined
}

/** Nothing is asked of a device when its answer could not be kept. */
function demandPlaces({bundleFile, transcriptFile, force = false}: AttestOptions): void {
  const [bundle, transcript] = [bundleFile, transcriptFile].map(path =>
    path === undefined ? undefined : checkUserFile(path, {force}),
  )
  if (bundle !== undefined && bundle === transcript)
    throw new TsmctlError({
      kind: 'usage',
      attempted: `write the transcript to ${printablePath(transcriptFile!)}`,
      path: transcriptFile,
      got: 'the evidence goes to the same file',
      hint: 'Name two files.',
    })
}

/** Why a file could not be written after all: what was learnt is worth telling without it. */
function unwritten(write: () => void): TsmctlError | undefined {
  try {
    write()
    return undefined
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
}

function usablePolicy({policies, policySources}: AttestOptions, now: Date): Policy | undefined {
  if (policies.length === 0) return undefined
  const policy = readPolicy(policies, now, policySources)
  requireUsable(policy)
  return policy
}

async function openTransport(kernel: Kernel, endpoint: Endpoint, options: AttestOptions): Promise<Transport> {
  const {timeout, signal, shutdown, useMailbox = false, transport = 'doe'} = options
  if (endpoint.kind === 'tcp')
    return connectSpdmTcp(endpoint.address, {timeout, signal, shutdown, binding: BINDINGS[transport]})
  if (transport !== 'doe')
    throw new TsmctlError({
      kind: 'usage',
      attempted: `speak SPDM to ${endpoint.bdf}`,
      got: `--transport ${transport} is for responders behind TCP; a PCI function has a DOE mailbox`,
    })
  return openDoeTransport(kernel, endpoint.bdf, {useMailbox, signal})
}

/** Wall clock in nanoseconds that never goes back. */
function stopwatch(kernel: Kernel): () => bigint {
  const start = BigInt(kernel.now().getTime()) * 1_000_000n - kernel.monotonic()
  return () => start + kernel.monotonic()
}

const NANOSECONDS = 1e6

/** Milliseconds for a question with all its exchanges, and how many slow ones that allows. */
const LEAST_TOTAL = 60_000
const EXCHANGES = 6

function requesterOf(kernel: Kernel, transport: Transport, {timeout, signal}: AttestOptions): Requester {
  return new Requester({
    transport,
    signal,
    random: length => kernel.random(length),
    monotonic: () => Number(kernel.monotonic()) / NANOSECONDS,
    sleep: (milliseconds, cancel) => kernel.sleep(milliseconds, cancel ?? signal),
    timeouts: {response: timeout, crypto: timeout, total: Math.max(LEAST_TOTAL, EXCHANGES * timeout)},
  })
}

/** Every chain that was read, and the digests of those that were not. */
const slotsOf = ({digests, chains}: Findings): SlotView[] =>
  (digests?.slots ?? []).map(({slot, digest}) => ({
    slot,
    chainDigest: toHex(digest),
    chain: chains.get(slot)?.view ?? null,
  }))

function attestationOf(
  {findings, questions}: Interview,
  circumstances: Pick<Attestation, 'peer' | 'startedAt' | 'exchanges'>,
  appraisal: Appraisal | undefined,
): Attestation {
  const {connection, measurements, session, slot} = findings
  const statusOf = (index: number): string | null =>
    appraisal?.subject.measurements.find(row => row.index === index)?.status ?? null
  return {
    ...circumstances,
    verdict: verdictOf(questions),
    questions,
    negotiated: connection === undefined ? null : negotiatedView(connection),
    slots: slotsOf(findings),
    slot: slot ?? null,
    measurements: measurements?.facts.blocks.map(block => measurementView(block, statusOf(block.index))) ?? null,
    session: session ?? null,
  }
}

/** Checks of the appraisal room that compare what was measured with what the policy says. */
const VALUE_CHECKS: readonly string[] = [
  'spdm.meas.reference',
  'spdm.meas.coverage',
  'spdm.meas.values',
  'spdm.meas.type-rep',
  'spdm.meas.zero-digest',
  'spdm.meas.denied',
  'spdm.meas.svn',
  'spdm.meas.device-mode',
  'spdm.meas.debug',
]

/** Checks that say whether the rule's values are for this device at all. */
const WHOSE_CHECKS: readonly string[] = ['spdm.chain.denied', 'spdm.chain.root-pinned', 'spdm.id.pinned']

/** Why the policy will not have this device, whatever its values are. */
function unwanted({document}: Policy, {rule: id, results}: Appraisal): string | undefined {
  const found = results.find(check => WHOSE_CHECKS.includes(check.id) && check.result === 'fail')
  // without a rule nobody says whose values they were to be
  if (found !== undefined && (id !== null || found.id === WHOSE_CHECKS[0])) return found.text
  const rule = document.rules.find(one => one.id === id)
  return rule?.decision === 'deny' ? `rule ${rule.id} of the policy denies it` : undefined
}

/** Answers whether the values are those that the policy's matching rule expects. */
function compare(interview: Interview, policy: Policy, appraisal: Appraisal | undefined): void {
  const open = (why: string): void => interview.answer('reference', 'not verified', why)
  if (appraisal === undefined) return open('there is no evidence to compare')
  const why = unwanted(policy, appraisal)
  if (why !== undefined) return interview.answer('reference', 'no', why)
  if (interview.findings.answers.get('measurements')?.answer !== 'yes')
    return open('nothing that the device signed can be compared')
  if (appraisal.rule === null) return open('no rule of the policy is for this device')
  const results = appraisal.results.filter(({id}) => VALUE_CHECKS.includes(id))
  const failed = results.find(({result}) => result === 'fail')
  if (failed !== undefined) return interview.answer('reference', 'no', failed.text)
  // a rule without values relaxes these checks, which answers nothing
  const missing = results.find(({id, result, blocking}) => blocking || (id === VALUE_CHECKS[0] && result !== 'pass'))
  if (missing !== undefined) return open(missing.text)
  interview.answer('reference', 'yes', `rule ${appraisal.rule} of the policy`)
}

function bundleOf(
  findings: Findings,
  around: Pick<AttestationEvidence, 'peer' | 'pci' | 'collectedAt' | 'bundleId' | 'tool'>,
) {
  const {connection, chains, measurements} = findings
  if (connection === undefined) return undefined
  return attestationBundle({
    ...around,
    vca: connection.vca,
    chains: new Map([...chains].map(([slot, {bytes}]) => [slot, bytes])),
    measurements: measurements?.messages,
    nonce: measurements?.facts.signed?.request.nonce,
  })
}

/**
 * Asks `options.device` everything. Throws TsmctlError when it cannot be reached at all, or a file is unusable; what
 * goes wrong later is in `error`, with what was learnt before, a file that could not be written included. Connection or mailbox are released in every case.
 */
export async function attest(kernel: Kernel, options: AttestOptions): Promise<Attested> {
  const {force = false, bundleFile, transcriptFile, tool} = options
  const now = kernel.now()
  const endpoint = parseEndpoint(options.device)
  const roots = (await Promise.all(options.roots.map(file => readRoots(file, readUserFile(file))))).flat()
  const policy = usablePolicy(options, now)
  demandPlaces(options)

  const seen: SeenObject[] = []
  const transport = listening(await openTransport(kernel, endpoint, options), seen, stopwatch(kernel))
  const {peer} = transport
  const bdf = endpoint.kind === 'doe' ? endpoint.bdf : null
  const interview = new Interview(requesterOf(kernel, transport, options), {
    ...options,
    roots,
    now,
    isPci: (options.transport ?? 'doe') === 'doe',
    requesterId: bdf === null ? undefined : ridOf(bdf),
  })
  const failure = await ended(interview, transport)

  const startedAt = now.toISOString()
  const pci = bdf === null ? undefined : await placeOf(kernel, bdf)
  const bundle = bundleOf(interview.findings, {peer, pci, collectedAt: startedAt, bundleId: kernel.random(16), tool})
  const appraisal = policy && bundle && (await verifyBundle(kernel, bundle, policy, now))
  if (policy !== undefined) compare(interview, policy, appraisal)
  const write = (file: string, content: Uint8Array) =>
    unwritten(() => writeUserFile(file, content, {force, mode: 0o600}))
  const noTranscript =
    transcriptFile === undefined
      ? undefined
      : write(transcriptFile, captureFile(seen, BINDINGS[options.transport ?? 'doe']))
  const keeps = bundle !== undefined && bundleFile !== undefined
  const noBundle = keeps ? write(bundleFile, new Uint8Array(Buffer.from(bundleToJson(bundle)))) : undefined
  const refusal = refusalOf(peer, interview.questions, roots.length > 0)
  // what is wrong with the device weighs more than what is wrong with a file
  const denial = refusal?.kind === 'denied' ? refusal : undefined
  return {
    attestation: attestationOf(interview, {peer, startedAt, exchanges: Math.floor(seen.length / 2)}, appraisal),
    bundle: keeps && noBundle === undefined ? {digest: bundle.digest, file: bundleFile} : null,
    transcript: noTranscript === undefined ? (transcriptFile ?? null) : null,
    error: failure ?? denial ?? noBundle ?? noTranscript ?? refusal,
  }
}

/** What the machine says about a function; a device that is gone by now still has said what it has said. */
async function placeOf(kernel: Kernel, bdf: string): Promise<PciFacts | undefined> {
  try {
    return await readPciFacts(kernel, bdf)
  } catch (error) {
    if (error instanceof TsmctlError) return undefined
    throw error
  }
}

/** Runs the interview to its end, whatever that is, and lets go of the device. */
async function ended(interview: Interview, transport: Transport): Promise<TsmctlError | undefined> {
  try {
    await interview.run()
    return undefined
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  } finally {
    await transport.close()
  }
}
