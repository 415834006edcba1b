/** The program of this checkout. */
import {fileURLToPath} from 'node:url'
import {programAt} from '../support/program.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const {tsmctl, tsmctlProcess, tsmctlJson, start} = programAt(root)
