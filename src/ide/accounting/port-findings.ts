/** Capabilities that Linux ignores or uses in part, and what a single block says about itself. */
import type {PortAccount} from '../account.js'
import type {Accounted, Seen} from './findings.js'
import type {Ignored} from './ignored.js'

function capability({bdf, ide}: PortAccount, ignored: Ignored | undefined): Seen[] {
  if (!ide.known) return []
  const seen: Seen[] = []
  const {promised, selectiveStreams, complete, findings} = ide.value
  if (ignored?.why === 'claimed') seen.push({code: 'capability-ignored', subject: bdf, message: ignored.text})
  if (ignored?.why === 'no-root-port') seen.push({code: 'capability-unpaired', subject: bdf, message: ignored.text})
  if (!complete)
    seen.push({code: 'blocks-outside', subject: bdf, message: findings.map(({message}) => message).join('; ')})
  const odd = selectiveStreams.find(({usableByLinux}) => !usableByLinux)
  if (odd !== undefined)
    seen.push({
      code: 'blocks-dropped',
      subject: bdf,
      message:
        `Linux uses ${odd.index} of ${promised.selective} Selective blocks: block ${odd.index} has ` +
        `${odd.addresses.length} address associations, block 0 has ${selectiveStreams[0]?.addresses.length}`,
    })
  return seen
}

function failures({bdf, ide}: PortAccount): Seen[] {
  if (!ide.known) return []
  return [...ide.value.selectiveStreams, ...ide.value.linkStreams]
    .filter(({failReceived}) => failReceived)
    .map(({kind, index, enabled}) => ({
      code: 'stream-fail-received',
      subject: bdf,
      message: `${kind} block ${index} received an IDE fail message${enabled ? '' : ' before it was turned off'}`,
    }))
}

export const portFindings = ({ports}: Accounted, ignored: ReadonlyMap<string, Ignored>): Seen[] =>
  ports.flatMap(port => [...capability(port, ignored.get(port.bdf)), ...failures(port)])
