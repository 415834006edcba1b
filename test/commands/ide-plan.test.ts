/** `ide plan` as an operator runs it, on a simulated host with too few streams. */
import {existsSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {root, tsmctl, tsmctlJson} from './run.js'

const scratch = mkdtempSync(join(tmpdir(), 'tsmctl-plan-'))
afterAll(() => rmSync(scratch, {recursive: true, force: true}))
const capture = {host: `replay:${join(root, 'fixtures/captures/host-connected.json')}`}

describe.skipIf(!existsSync(join(root, 'dist')))('ide plan (needs a build)', () => {
  it('prints the plan, what does not fit, and why; exit code 8', () => {
    const machine = join(scratch, 'few')
    expect(tsmctl(['sim', 'create', machine, '--scenario', 'few-streams']).code).toBe(0)
    const host = {host: `sim:${machine}`}
    const {code, out, err} = tsmctl(['ide', 'plan'], host)
    expect([code, out]).toEqual([
      8,
      `    DEVICE        HOST BRIDGE  SLOT  ROOT PORT     BLOCK  DEVICE BLOCK  STREAM ID
1.  0000:01:00.0  pci0000:00   0     0000:00:01.0  0      0             0
2.  0000:02:00.0  pci0000:00   1     0000:00:02.0  0      0             1
3.  0000:43:00.0  pci0000:40   0     0000:40:01.0  0      0             0
4.  0000:44:00.0  pci0000:40   1     0000:40:01.0  1      0             1

does not fit: 0000:03:00.0, 0000:04:00.0
  host bridge pci0000:00 has 2 stream slots for them
  competes with 0000:01:00.0, 0000:02:00.0: without any one of these, one more fits
does not fit: 0000:45:00.0
  root port 0000:40:01.0 has 2 stream blocks for them
  competes with 0000:43:00.0, 0000:44:00.0: without any one of these, one more fits
`,
    ])
    expect(err).toContain('3 do not fit, the first is 0000:03:00.0')
    const {json} = tsmctlJson(['ide', 'plan', '43:00.0', '04:00.0', '--pool', 'pci0000:40=1'], host)
    expect(json.data).toMatchObject({fits: true, limits: [{bridge: 'pci0000:40', streams: 1}]})
    expect(tsmctlJson(['ide', 'plan'], host).json.error).toMatchObject({kind: 'busy', exit: 8})
  })

  it.each([
    [[], 0],
    [['--stream-id', 'any'], 0],
    [['0000:00:03.0'], 7],
    [['0000:99:00.0'], 3],
    [['--pool', 'pci0000:00'], 2],
    [['--pool', 'pci0000:00=0'], 2],
    [['--stream-id', 'whatever'], 2],
    [['nonsense'], 2],
  ])('%j ends with %i', (args, code) => {
    expect(tsmctl(['ide', 'plan', ...args], capture).code).toBe(code)
    expect(tsmctlJson(['ide', 'plan', ...args], capture).code).toBe(code)
  })
})
