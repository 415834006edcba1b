/** The TSM of a host: one of the two kinds there are, with whatever its scenario changes. */
import {withoutUndefined} from '../parts.js'
import type {HostScenario} from './schema.js'
import type {RefuseScenario} from './topology.js'
import type {Provider} from './types.js'

/** `sev-tio`: Linux drivers/crypto/ccp/sev-dev-tsm.c. `generic`: what the common code offers, used as it is meant. */
const PRESETS = {
  generic: {
    subfunctions: true,
    stream: 'with-ide',
    ranges: 'computed',
    insecure: 'refused',
    registers: 'first',
    spdm: 'session',
  },
  'sev-tio': {
    subfunctions: false,
    stream: 'always',
    ranges: 'all',
    insecure: 'swallowed',
    registers: 'last',
    spdm: 'session',
  },
} as const

/** `there` are the functions of the machine. */
export function providerOf(
  {provider, tsm}: HostScenario,
  there: ReadonlySet<string>,
  refuse: RefuseScenario,
): Provider {
  const {like, parent, registered, ...changes} = provider
  if (parent !== undefined && !there.has(parent)) refuse(`provider.parent: there is no ${parent}`)
  return {
    like,
    parent: parent ?? null,
    registered: registered && tsm === 'link',
    ...PRESETS[like],
    ...(withoutUndefined(changes) as Partial<Provider>),
  }
}
