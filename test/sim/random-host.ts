/** Random hosts: whatever bridges, ports, switches and devices the scenario language can say. JSON is YAML as well. */
import fc from 'fast-check'

const two = (n: number): string => n.toString(16).padStart(2, '0')

/** IDE with one to three Selective blocks, and what firmware may have left in them; undefined: none. */
const ide = (most: number) =>
  fc.option(
    fc
      .record({
        selective: fc.integer({min: 1, max: most}),
        link: fc.constantFrom(0, 0, 0, 1),
        associations: fc.constantFrom<(number | 'mixed')[]>(0, 1, 2, 'mixed'),
        held: fc.constantFrom<number[][]>([], [], [], [], [0], [1], [0, 1], [255], [7]),
        linked: fc.constantFrom(null, null, null, 0, 1),
        secure: fc.boolean(),
      })
      .map(({selective, link, associations, held, linked, secure}) => ({
        selective,
        link,
        associations:
          associations === 'mixed' ? Array.from({length: selective}, (_, i) => (i === 1 ? 3 : 1)) : associations,
        streams: [
          ...held.slice(0, selective).map((id, block) => ({block, id, secure})),
          ...(linked === null || link === 0 ? [] : [{block: 0, id: linked, link: true}]),
        ],
      })),
    {nil: undefined, freq: 8},
  )

const SPDM = [['0001:01', '0001:02']]

/** `able`: it speaks SPDM and is awake. */
const deviceOf = (able: boolean) =>
  fc.record({
    kind: fc.constantFrom('gpu', 'gpu', 'nic', 'nvme'),
    ide: ide(2),
    tee: fc.constantFrom(undefined, true, false),
    doe: able ? fc.constant(SPDM) : fc.constantFrom(SPDM, SPDM, SPDM, SPDM, [], [['0001:01']], [['0001:02']]),
    power: able ? fc.constant('D0') : fc.constantFrom('D0', 'D0', 'D0', 'D3hot'),
    totalVfs: fc.constantFrom(0, 0, 2),
  })

const bridgeOf = (able: boolean) =>
  fc.record({
    pool: fc.constantFrom(0, 1, 2, 3, 256),
    ports: fc.array(
      fc.record({
        ide: ide(3),
        behindSwitch: fc.boolean(),
        devices: fc.array(deviceOf(able), {minLength: 1, maxLength: 2}),
        second: fc.boolean(),
      }),
      {minLength: 1, maxLength: 3},
    ),
  })

const PSP = '0000:c0:00.5'

/** Sessions take most of the time, and most of these hosts are about something else. */
const spdm = fc.constantFrom('session', ...Array<string>(19).fill('none'))

const provider = fc.oneof(
  fc.record({like: fc.constant('sev-tio'), parent: fc.constant(PSP), spdm}),
  fc.record({
    like: fc.constant('generic'),
    spdm,
    subfunctions: fc.boolean(),
    insecure: fc.constantFrom('refused', 'swallowed'),
    ranges: fc.constantFrom('all', 'computed'),
  }),
)

/** The text of a scenario. A few of them the simulator refuses, and says why. */
export const randomHost = (able = false): fc.Arbitrary<string> =>
  fc.record({provider, bridges: fc.array(bridgeOf(able), {minLength: 1, maxLength: 2})}).map(given => {
    const bridges: object[] = []
    const ports: object[] = []
    const devices: object[] = []
    for (const [i, {pool, ports: below}] of given.bridges.entries()) {
      const domain = `000${i}`
      let bus = 1
      bridges.push({at: `${domain}:00`, pool})
      for (const [k, {ide: own, behindSwitch, devices: ends, second}] of below.entries()) {
        const first = bus++
        ports.push({at: `${domain}:00:${two(k + 1)}.0`, bus: first, ide: own})
        const places = behindSwitch ? [] : [first]
        if (behindSwitch) {
          const inner = bus++
          ports.push({at: `${domain}:${two(first)}:00.0`, bus: inner})
          for (const j of ends.keys()) {
            places.push(bus)
            ports.push({at: `${domain}:${two(inner)}:${two(j)}.0`, bus: bus++})
          }
        }
        for (const [j, place] of places.entries()) {
          devices.push({at: `${domain}:${two(place)}:00.0`, ...ends[j]!, vfOffset: 16})
          if (second) devices.push({at: `${domain}:${two(place)}:00.1`, ...ends[j]!, totalVfs: 0})
        }
      }
    }
    if (given.provider.like === 'sev-tio') {
      bridges.push({at: '0000:c0'})
      devices.push({at: PSP, kind: 'psp'})
    }
    return JSON.stringify({title: 'a random host', provider: given.provider, bridges, ports, devices})
  })
