/** The argument of commands about one pin. */
import {Args} from '@oclif/core'

export const pinArgument = {
  pin: Args.string({
    ignoreStdin: true,
    description: 'id of the pin, the beginning of it, or the PCI function where its device was last accepted',
    required: true,
  }),
}
