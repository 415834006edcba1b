/** The page of documentation about what simulator and kernel have been compared in. */
import {HOST_SCRIPT} from './index.js'
import {ROWS, scenesOf} from './rows.js'
import {actText} from './step.js'

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

function rowText(id: string): string {
  const {does, test, unseen} = ROWS[id]!
  const scenes = scenesOf(HOST_SCRIPT, id)
  const shown = scenes.length > 0 ? `script: ${scenes.join('; ')}` : test === undefined ? '-' : code(test)
  return `| ${id} | ${does} | ${shown} | ${unseen ?? ''} |`
}

const exceptions = (): readonly string[] =>
  HOST_SCRIPT.flatMap(({steps}) =>
    steps.flatMap(({act, exception}) =>
      exception === undefined ? [] : [`| ${code(actText(act))} | ${code(exception.simulator)} | ${exception.why} |`],
    ),
  )

export const simulatorAndKernel = (generated: string): string =>
  [
    '# Simulator and kernel',
    '',
    generated,
    '',
    'One script of operations (`test/kernel/lane/script`) is played on a real Linux kernel in an emulated machine and on the',
    'simulator. The answers of the kernel are `fixtures/kernel/host.txt`; `npm run test:kernel` compares the kernel with them,',
    '`npm test` the simulator. `TSMCTL_KERNEL_UPDATE=1 npm run test:kernel -- --machine host --only script` takes new answers.',
    '',
    '## Exceptions',
    '',
    'What the simulator answers otherwise. An exception that is no longer needed fails a test.',
    '',
    '| step | the simulator | why |',
    '| --- | --- | --- |',
    ...exceptions(),
    '',
    '## Where kernel and documents differ',
    '',
    'A: host side, B: confidential guests, C: the staging series for guests, D: documents are silent, S: what looks like a',
    'mistake. The last column says why a real kernel cannot show it here.',
    '',
    '| row | the kernel | shown by | not seen here because |',
    '| --- | --- | --- | --- |',
    ...Object.keys(ROWS).map(rowText),
    '',
  ].join('\n')
