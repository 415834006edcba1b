import {join} from 'node:path'
import {
  formatCapture,
  type Kernel,
  liveKernel,
  parseCapture,
  recordingKernel,
  replayKernel,
  treeKernel,
} from '../../src/kernel/index.js'
import {hasKoffi} from '../../src/kernel/native/libc.js'
import {describeKernelContract, type Sample, type Subject} from './contract.js'
import {errno} from './errnos.js'
import {addPipe, makeSampleTree, temporary} from './sample-tree.js'

/** Whatever user runs the tests: root reads files without read permission, as long as they are not the kernel's. */
const isRoot = process.getuid?.() === 0

/** The dump of all families, which every kernel answers. */
const FAMILIES = {family: 'nlctrl', version: 2, command: 3, attributes: new Uint8Array(0)}

function live(): Subject {
  const {directory, dispose} = temporary()
  const {writeOnly, ...sample} = makeSampleTree(directory, directory)
  let pipe: string | undefined
  const kernel = liveKernel({stateDirectory: join(directory, 'state')})
  return {
    kernel,
    dispose,
    sample: {
      ...sample,
      ...(isRoot ? {} : {writeOnly}),
      // a process: only for whom asks
      get blocking() {
        return (pipe ??= addPipe(directory))
      },
      ...(hasKoffi() && {family: {name: 'nlctrl', dump: FAMILIES}}),
      writable: {path: `${sample.directory.path}/driver_override`, bytes: Buffer.from('vfio-pci\n')},
      register: {path: sample.binary.path, offset: 0x108, bytes: Uint8Array.of(2, 0, 0xfe, 0x80)},
    },
  }
}

function tree(): Subject {
  const {directory, dispose} = temporary()
  return {kernel: treeKernel(directory), sample: makeSampleTree(directory, ''), dispose}
}

function recordingOf(make: () => Subject): Subject {
  const {kernel, ...rest} = make()
  return {...rest, kernel: recordingKernel(kernel)}
}

/** Looks at everything the contract looks at. */
function touchAll(kernel: Kernel, {directory, text, binary, link, absoluteLink, loop, writeOnly}: Sample): void {
  kernel.list(directory.path)
  for (const path of [text.path, binary.path]) kernel.read(path)
  kernel.list(link.path)
  kernel.list(absoluteLink!)
  errno(() => kernel.read(loop!))
  errno(() => kernel.read(writeOnly!))
}

function replay(): Subject {
  const {kernel: inner, sample, dispose} = tree()
  const kernel = recordingKernel(inner)
  touchAll(kernel, sample)
  const capture = parseCapture(formatCapture(kernel.capture()))
  const {vanish: _, ...lasting} = sample
  return {kernel: replayKernel(capture), sample: lasting, dispose: dispose!}
}

describeKernelContract('live', live)
describeKernelContract('tree', tree)
describeKernelContract('recording of live', () => recordingOf(live))
describeKernelContract('recording of a tree', () => recordingOf(tree))
describeKernelContract('replay of a recording', replay)
